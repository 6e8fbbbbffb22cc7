using Microsoft.Extensions.Logging.Abstractions;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Listening;
using Qwamos.Gateway.Enforcing;
using Xunit;

namespace Qwamos.ControlBus.Tests.Enforcing;

public sealed class EnforcerTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("qwamos-enforcer-").FullName;
    private readonly Enforcer _enforcer;

    public EnforcerTests()
    {
        Assert.True(SystemPaths.TryCreate(_root, out SystemPaths? paths, out _));
        _enforcer = new Enforcer(new HookDirectory(paths, TimeProvider.System), TimeProvider.System, new Gateway.LogMessages(NullLogger.Instance));
    }

    public void Dispose()
    {
        _enforcer.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public void Waiting_IsNotedBeforeTheWorkerCanTakeIt()
    {
        bool isEarly = false;
        int caller = Environment.CurrentManagedThreadId;
        _enforcer.Changed += () =>
        {
            if (Environment.CurrentManagedThreadId != caller || isEarly)
                return;
            // RADIO_ISOLATION is noted as waiting. The worker is woken for another key: it must not find this one before.
            isEarly = true;
            _enforcer.Add([Enforcement("TOR_ISOLATION")]);
            Assert.True(SpinWait.SpinUntil(() => Outcome("TOR_ISOLATION") == EnforcementOutcome.NoEnforcer, TimeSpan.FromSeconds(5)));
            Assert.Equal(EnforcementOutcome.Waiting, Outcome("RADIO_ISOLATION"));
        };
        _enforcer.Start();
        _enforcer.Add([Enforcement("RADIO_ISOLATION")]);
        Assert.True(isEarly);
        Assert.True(SpinWait.SpinUntil(() => Outcome("RADIO_ISOLATION") == EnforcementOutcome.NoEnforcer, TimeSpan.FromSeconds(5)));
    }

    [Fact]
    public void WhatIsTriedAgainAndAgain_WithTheSameOutcome_IsNoNews()
    {
        var failing = new ScriptedEnforcer { ApplyFails = "no" };
        var time = new ManualTime();
        var log = new Gateway.LogMessages(NullLogger.Instance);
        var keeper = new StateKeeper([failing], PolicySchema.BuiltIn, new HashSet<string>(), time, log);
        Assert.True(SystemPaths.TryCreate(_root, out SystemPaths? paths, out _));
        using var enforcer = new Enforcer(new HookDirectory(paths, time), time, log, keeper);
        keeper.Begin(PolicyState.Empty with { Policy = PolicyState.Empty.Policy.Add("VPN_KILL_SWITCH", new Applied(PolicyValue.Of("on"), 0)) });
        int news = 0;
        enforcer.Changed += () => news++;
        for (int tries = 1; tries <= 3; tries++)
        {
            keeper.Round(TestContext.Current.CancellationToken);
            Assert.Equal(tries, failing.History.Count(state => state.StartsWith("half", StringComparison.Ordinal)));
            // What it fails by is said once, key by key: each time a file would be written, and Dom0 told.
            Assert.Equal(failing.Keys.Count, news);
            time.Advance(Limits.EnforcementRetrySeconds);
        }
        failing.ApplyFails = null;
        keeper.Round(TestContext.Current.CancellationToken);
        Assert.Equal(2 * failing.Keys.Count, news);
    }

    private EnforcementOutcome Outcome(string name) => _enforcer.Outcomes[name];

    private static Enforcement Enforcement(string name)
    {
        Assert.True(PolicySchema.BuiltIn.TryGet(name, out PolicyKey? key));
        return new Enforcement(key, key.Default, 0);
    }
}
