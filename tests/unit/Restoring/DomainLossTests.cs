using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.Daemon.Restoring;
using Xunit;

namespace Qwamos.ControlBus.Tests.Restoring;

/// <summary>Whose word counts again when an older ledger comes back.</summary>
public sealed class DomainLossTests : IDisposable
{
    private readonly SigningKey _operator = SigningKey.Generate();
    private readonly string _old = new('c', 64);
    private readonly string _new = new('d', 64);

    public void Dispose() => _operator.Dispose();

    [Fact]
    public void Attack13_ADomainThatWasRevokedAndCountsAgain_IsNamed()
    {
        PolicyState restored = PolicyState.Empty.WithDomain(Sign("gw1", _old, 1), 0).WithDomain(Sign("gw2", _old, 2), 1).WithDomain(Sign("gw3", _old, 3), 2);
        PolicyState present = restored.WithDomain(Sign("gw1", _old, 4, isRevoked: true), 3).WithDomain(Sign("gw2", _new, 5), 4);
        Assert.Equal(
            [
                $"UN-REVOKED              the domain gw1: its key is revoked, and in FILE its word counts by the key {DomainKeyStatement.FingerprintOf(_old)}: once qwamosd runs, qwamosctl domains revoke gw1",
                $"UN-REVOKED              the domain gw2 has another key enrolled by now, and in FILE the one before, {DomainKeyStatement.FingerprintOf(_old)}: once qwamosd runs, qwamosctl domains revoke gw2, and enrol it anew",
            ],
            Lines(present, restored));
    }

    [Fact]
    public void WhoIsRevokedInBoth_OrInTheRestoredOneAlone_OrIsNotKnownNow_IsNotNamed()
    {
        PolicyState enrolled = PolicyState.Empty.WithDomain(Sign("gw1", _old, 1), 0);
        PolicyState revoked = enrolled.WithDomain(Sign("gw1", _old, 2, isRevoked: true), 1);
        Assert.Empty(Lines(revoked, revoked));
        Assert.Empty(Lines(enrolled, revoked));
        Assert.Empty(Lines(enrolled, enrolled));
        Assert.Empty(Lines(PolicyState.Empty, enrolled));
        Assert.Empty(Lines(null, enrolled));
    }

    private static IEnumerable<string> Lines(PolicyState? present, PolicyState restored)
    {
        Assert.True(SystemPaths.TryCreate(null, out SystemPaths? paths, out string? fault), fault);
        return DomainLoss.Lines(paths, present, restored);
    }

    [Fact]
    public void Attack07_AKeyOfTlsThatWasReplaced_AndWouldCountAgain_IsNamed()
    {
        string before = new('1', 64), now = new('2', 64);
        PolicyState restored = PolicyState.Empty.WithDomain(DomainKeyStatement.Sign(_operator, "gw1", "gateway", _old, new string('a', 32), 1, false, before), 0);
        PolicyState present = restored.WithDomain(DomainKeyStatement.Sign(_operator, "gw1", "gateway", _old, new string('a', 32), 2, false, now), 1);
        string line = Assert.Single(Lines(present, restored));
        Assert.Contains(before, line, StringComparison.Ordinal);
        Assert.Contains($"domains enroll gw1 --tls-key {now}", line, StringComparison.Ordinal);
        Assert.Empty(Lines(restored, restored));
    }

    private DomainKeyStatement Sign(string name, string key, long seconds, bool isRevoked = false) =>
        DomainKeyStatement.Sign(_operator, name, "gateway", key, new string('a', 32), seconds, isRevoked);
}
