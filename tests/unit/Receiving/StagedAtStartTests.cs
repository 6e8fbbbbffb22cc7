using Microsoft.Extensions.Logging;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Ledger;
using Qwamos.ControlBus.Tests.Listening;
using Qwamos.ControlBus.Tests.Trust;
using Qwamos.ControlBus.Verification;
using Qwamos.Gateway.Enforcing;
using Qwamos.Gateway.Receiving;
using Xunit;

namespace Qwamos.ControlBus.Tests.Receiving;

/// <summary>Staged values of a gateway with two keys and without hooks; what happens after the first result is each test's.</summary>
public sealed class StagedAtStartTests : IDisposable
{
    private readonly LedgerFolder _folder = new();
    private readonly ManualTime _time = new(History.StartSeconds);
    private readonly LedgerStore _store;
    private readonly SystemPaths _paths;

    public StagedAtStartTests()
    {
        Assert.True(SystemPaths.TryCreate(_folder.Dir, out SystemPaths? paths, out _));
        _paths = paths;
        _store = _folder.Open();
        var history = new History(_store) { Mode = "staged" };
        history.Set("RADIO_ISOLATION", "off");
        history.Set("TOR_ISOLATION", "off");
    }

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void EachResult_IsDurable_BeforeTheNextHookRuns()
    {
        var sizes = new List<long>();
        LoadedLedger loaded = Apply(() => sizes.Add(_store.Size), out _);
        Assert.Equal([3, 4], sizes);
        Assert.Empty(loaded.State.Staged);
        Assert.Empty(LedgerFold.Load(_store).State.Staged);
    }

    [Fact]
    public void HookThatWouldBeginTooLate_IsNotRun_AndItsKeyStaysStaged()
    {
        LoadedLedger loaded = Apply(() => _time.Advance(StagedAtStart.MaxSeconds), out Enforcer enforcer);
        Assert.Equal("TOR_ISOLATION", Assert.Single(loaded.State.Staged).Key);
        Assert.Equal("no enforcer", enforcer.Outcomes["RADIO_ISOLATION"].ToString());
        Assert.Equal("failed: not begun: the hooks before it took 60 s of this start", enforcer.Outcomes["TOR_ISOLATION"].ToString());
    }

    [Fact]
    public void Attack07_WhatARevokedKeyStaged_IsNotApplied_HoweverLongAgoThatWas()
    {
        using var other = SigningKey.Generate();
        var root = (RootDraft.Single("other", other.Public) with { Revoked = [(History.Signer, 1_000_000)] }).Signed(other);
        // What the history's key signed for it does not matter here: the chain was verified before.
        Assert.Null(RootHistory.Of(other.Public).TryExtend(2, History.StartSeconds, root, RootDraft.ThisSystem, out RootHistory roots));
        LoadedLedger loaded = Apply(() => { }, out Enforcer enforcer, roots: roots);
        Assert.Equal(2, loaded.State.Staged.Count);
        Assert.Empty(enforcer.Outcomes);
        Assert.All(Enumerable.Range(2, 2), index =>
            Assert.Contains("is revoked: set it again with another key", Assert.IsType<NoteEntry>(_store.ReadEntry(index)).Note.Results[0].Result, StringComparison.Ordinal));
    }

    [Fact]
    public void Attack28_ChangeThatTheAnchorDidNotSign_IsNotApplied()
    {
        using var other = SigningKey.Generate();
        LoadedLedger loaded = Apply(() => { }, out _, roots: RootHistory.Of(other.Public));
        Assert.Equal(2, loaded.State.Staged.Count);
        Assert.Contains("does not verify (bad_signature", Assert.IsType<NoteEntry>(_store.ReadEntry(2)).Note.Results[0].Result, StringComparison.Ordinal);
    }

    [Fact]
    public void Stopped_ItLeavesTheRestStaged()
    {
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Apply(stop.Cancel, out _, stop: stop.Token));
        Assert.Equal("TOR_ISOLATION", Assert.Single(LedgerFold.Load(_store).State.Staged).Key);
    }

    private LoadedLedger Apply(Action afterEach, out Enforcer enforcer, RootHistory? roots = null, CancellationToken stop = default)
    {
        Assert.True(GatewayConfig.TryLoad(_paths, PolicySchema.BuiltIn, out GatewayConfig? domain, out string? fault), fault);
        var settings = new ReceiverSettings(_paths, History.SignerKey, PolicySchema.BuiltIn, domain, null);
        var log = new Gateway.LogMessages(new Watcher(afterEach));
        enforcer = new Enforcer(new HookDirectory(_paths, _time), _time, log);
        return new StagedAtStart(settings, roots ?? RootHistory.Of(History.SignerKey), enforcer, _time, log).Apply(_store, LedgerFold.Load(_store), stop);
    }

    /// <summary>Sees the line that each result gets.</summary>
    private sealed class Watcher(Action seen) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (formatter(state, exception).StartsWith("staged ", StringComparison.Ordinal))
                seen();
        }
    }
}
