using Microsoft.Extensions.Logging.Abstractions;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Listening;
using Qwamos.Gateway.Enforcing;
using Xunit;

namespace Qwamos.ControlBus.Tests.Enforcing;

/// <summary>What becomes of changes, failures, lies and drift, with an enforcer that does as it is told.</summary>
public sealed class StateKeeperTests : IDisposable
{
    private readonly ScriptedEnforcer _enforcer = new();
    private readonly ManualTime _time = new();
    private readonly HashSet<string> _warnedOf = [];
    private readonly SortedDictionary<string, EnforcementOutcome> _outcomes = new(StringComparer.Ordinal);
    private PolicyState _policy = PolicyState.Empty with { Policy = PolicyState.Empty.Policy.Add("RADIO_HARDENING.level", new Applied(PolicyValue.Of("basic"), 0)) };
    private StateKeeper? _keeper;

    private StateKeeper Keeper
    {
        get
        {
            if (_keeper is null)
            {
                _keeper = new StateKeeper([_enforcer], PolicySchema.BuiltIn, _warnedOf, _time, new Gateway.LogMessages(NullLogger.Instance));
                _keeper.Noted += (enforcement, outcome) => _outcomes[enforcement.Key.Name] = outcome;
                _keeper.Begin(_policy);
            }

            return _keeper;
        }
    }

    public void Dispose() => _keeper?.Dispose();

    [Fact]
    public void WhereNoKeyWasEverSet_AllStaysClosed_UntilOneIs_AndTheOthersHaveTheirDefaults()
    {
        _policy = PolicyState.Empty;
        Round();
        Assert.Equal(["closed"], _enforcer.History);
        Assert.All(FirewallFacts.Keys, key => Assert.Equal("closed until one of its enforcer's keys is set", _outcomes[key].ToString()));
        _enforcer.Kernel = "opened by somebody";
        Round();
        Assert.Equal("closed", _enforcer.Kernel);
        Want(("VPN_KILL_SWITCH", "on"));
        Round();
        Assert.Equal("basic optional on", _enforcer.Kernel);
        Assert.All(FirewallFacts.Keys, key => Assert.Equal("done", _outcomes[key].ToString()));
    }

    [Fact]
    public void ChangeOfSeveralKeys_IsOneStep()
    {
        Round();
        Want(("VPN_KILL_SWITCH", "on"), ("TOR_ISOLATION", "mandatory"));
        Assert.Equal("waiting", _outcomes["TOR_ISOLATION"].ToString());
        Round();
        Round();
        Assert.Equal(["basic optional off", "basic mandatory on"], _enforcer.History);
    }

    /// <summary>The worker may look just then, and is done before the writer has said that the values wait.</summary>
    [Fact]
    public void ChangeThatTheWorkerSeesAtOnce_DoesNotStayWaiting()
    {
        Round();
        Thread? worker = null;
        Keeper.Noted += (enforcement, outcome) =>
        {
            if (worker is not null || outcome != EnforcementOutcome.Waiting)
                return;
            worker = new Thread(Round);
            worker.Start();
            Assert.True(SpinWait.SpinUntil(() => _enforcer.History.Count == 2, TimeSpan.FromSeconds(20)));
            _ = worker.Join(TimeSpan.FromMilliseconds(200));
        };
        Want(("VPN_KILL_SWITCH", "on"), ("TOR_ISOLATION", "mandatory"));
        worker!.Join();
        Assert.Equal("done", _outcomes["TOR_ISOLATION"].ToString());
        Assert.Equal("done", _outcomes["VPN_KILL_SWITCH"].ToString());
    }

    [Fact]
    public void Attack32_FailedStep_IsClosed_AndSaysSo()
    {
        Round();
        _enforcer.ApplyFails = "no";
        Want(("TOR_ISOLATION", "mandatory"));
        Round();
        Assert.Equal(["basic optional off", "half basic mandatory off", "closed"], _enforcer.History);
        Assert.All(FirewallFacts.Keys, key => Assert.Equal("failed: no; closed meanwhile", _outcomes[key].ToString()));
    }

    [Fact]
    public void ValueThatCannotBe_ClosesWithoutATry_AndNamesItsKey()
    {
        Round();
        _enforcer.Faults["VPN_KILL_SWITCH"] = "there is no tunnel";
        Want(("VPN_KILL_SWITCH", "on"));
        Round();
        Assert.Equal(["basic optional off", "closed"], _enforcer.History);
        Assert.Equal("failed: there is no tunnel; closed meanwhile", _outcomes["VPN_KILL_SWITCH"].ToString());
        Assert.Equal("failed: not without VPN_KILL_SWITCH, which is not in force; closed meanwhile", _outcomes["TOR_ISOLATION"].ToString());
    }

    [Fact]
    public void Attack32_EnforcerThatLies_IsNotBelieved()
    {
        Round();
        _enforcer.Lies = true;
        Want(("TOR_ISOLATION", "mandatory"));
        Round();
        Assert.Equal(
            "failed: it was applied, and is not there: there is basic optional off; and it could not be closed: there is basic optional off",
            _outcomes["TOR_ISOLATION"].ToString());
    }

    [Fact]
    public void WhatFailed_IsTriedAgainAfter10s_AndHeldClosedUntilThen()
    {
        _enforcer.ApplyFails = "no";
        Round();
        _enforcer.ApplyFails = null;
        _enforcer.Kernel = "opened by somebody";
        Round();
        Assert.Equal("closed", _enforcer.Kernel);
        _time.Advance(Limits.EnforcementRetrySeconds);
        Round();
        Assert.Equal("basic optional off", _enforcer.Kernel);
        Assert.Equal("done", _outcomes["TOR_ISOLATION"].ToString());
    }

    [Fact]
    public void Drift_IsCorrected()
    {
        Round();
        _enforcer.Kernel = "";
        Round();
        Assert.Equal("basic optional off", _enforcer.Kernel);
        Assert.Equal("done", _outcomes["TOR_ISOLATION"].ToString());
    }

    [Fact]
    public void Drift_OfKeysThatAreAllOnlyWarnedOf_IsLeft_AndShown()
    {
        _warnedOf.UnionWith(FirewallFacts.Keys);
        Round();
        _enforcer.Kernel = "another";
        Round();
        Assert.Equal("another", _enforcer.Kernel);
        Assert.Equal("drifted: there is another", _outcomes["TOR_ISOLATION"].ToString());
        _enforcer.Kernel = "basic optional off";
        Round();
        Assert.Equal("done", _outcomes["TOR_ISOLATION"].ToString());
    }

    [Fact]
    public void Drift_IsCorrected_WhereOneOfTheKeysAsksForIt()
    {
        _warnedOf.UnionWith(FirewallFacts.Keys.Skip(1));
        Round();
        _enforcer.Kernel = "another";
        Round();
        Assert.Equal("basic optional off", _enforcer.Kernel);
    }

    [Fact]
    public void WhatWasStagedTogether_IsAppliedTogether_OrTheValuesBeforeComeBack()
    {
        Keeper.ApplyNow([For("VPN_KILL_SWITCH", "on"), For("TOR_ISOLATION", "mandatory")], TestContext.Current.CancellationToken);
        Assert.Equal(["basic mandatory on"], _enforcer.History);

        _enforcer.Faults["VPN_KILL_SWITCH"] = "there is no tunnel";
        Keeper.ApplyNow([For("VPN_KILL_SWITCH", "on", 2), For("TOR_ISOLATION", "off", 2)], TestContext.Current.CancellationToken);
        Assert.True(_outcomes["VPN_KILL_SWITCH"].IsFailure);
        Assert.True(_outcomes["TOR_ISOLATION"].IsFailure);
        Assert.Equal("closed", _enforcer.Kernel);
        _enforcer.Faults.Clear();
        Round();
        Assert.Equal("basic mandatory on", _enforcer.Kernel);
    }

    [Fact]
    public void ChangeJustBeforeAStop_IsStillPutInForce()
    {
        Keeper.Start();
        Assert.True(SpinWait.SpinUntil(() => _outcomes.Count == 3, TimeSpan.FromSeconds(30)));
        Keeper.Want([For("TOR_ISOLATION", "off")]);
        Keeper.Dispose();
        _keeper = null;
        Assert.Equal("basic off off", _enforcer.Kernel);
    }

    [Fact]
    public void Attack33_AStopWhileAFailedChangeIsBeingClosed_LeavesItClosed()
    {
        Keeper.Start();
        Assert.True(SpinWait.SpinUntil(() => _outcomes.Count == 3, TimeSpan.FromSeconds(30)));
        using var closing = new ManualResetEventSlim();
        _enforcer.UndoIsKilled = stop =>
        {
            closing.Set();
            stop.WaitHandle.WaitOne();
        };
        _enforcer.ApplyFails = "no";
        Keeper.Want([For("TOR_ISOLATION", "mandatory")]);
        Assert.True(closing.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Keeper.Dispose();
        _keeper = null;
        Assert.Equal("closed", _enforcer.Kernel);
    }

    private void Round() => Keeper.Round(TestContext.Current.CancellationToken);

    private void Want(params (string Key, string Value)[] change) => Keeper.Want([.. change.Select(pair => For(pair.Key, pair.Value))]);

    private static Enforcement For(string name, string value, long index = 1)
    {
        Assert.True(PolicySchema.BuiltIn.TryGet(name, out PolicyKey? key));
        return new Enforcement(key, PolicyValue.Of(value), index);
    }
}
