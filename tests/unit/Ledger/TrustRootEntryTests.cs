using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Tests.Trust;
using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

/// <summary>A ledger of one enrolled key, two rotations and a theft, read by all who read ledgers.</summary>
public sealed class TrustRootEntryTests : IDisposable
{
    private static readonly SigningKey Second = SigningKey.Generate();
    private static readonly SigningKey Third = SigningKey.Generate();
    private readonly LedgerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Chain_is_verified_from_the_enrolled_key_on_and_from_no_other()
    {
        using var store = _folder.Open();
        var history = Rotated(store);
        Assert.True(LedgerRoots.TryVerify(store, history.State.Trust, History.SignerKey, RootDraft.ThisSystem, out var roots, out var fault), fault);
        Assert.Equal(3, roots.Current.Version);
        Assert.NotNull(roots.InForce(0).FindKey(History.Signer));
        Assert.Null(roots.InForce(store.Size).FindKey(Second.Public.Id));
        Assert.True(roots.IsDisowned(Second.Public.Id, 4));
        Assert.False(LedgerRoots.TryVerify(store, history.State.Trust, Third.Public, RootDraft.ThisSystem, out _, out fault));
        Assert.Contains("does not follow from the enrolled key", fault, StringComparison.Ordinal);
        Assert.False(LedgerRoots.TryVerify(store, history.State.Trust with { Entries = [1, 3] }, History.SignerKey, RootDraft.ThisSystem, out _, out fault));
        Assert.False(LedgerRoots.TryVerify(store, history.State.Trust with { Entries = [0, 3, 5] }, History.SignerKey, RootDraft.ThisSystem, out _, out fault));
        Assert.Contains("is no trust root", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_and_audit_know_the_keys_of_each_version_from_the_enrolled_one_alone()
    {
        using var store = _folder.Open();
        Rotated(store);
        var checker = new LedgerChecker(store) { Signers = [History.SignerKey] };
        checker.Check();
        Assert.Equal(4, checker.Signatures);
        Assert.Equal(0, checker.UncheckedSignatures);
        var report = Audit(store);
        Assert.Null(report.Fault);
        Assert.Equal(4, report.Signatures);
        Assert.Equal(1, report.Disowned);
        Assert.Equal(3, report.State.Trust.Version);
        // Who knows none of the keys checks no signature, and says so.
        var blind = new LedgerChecker(store);
        blind.Check();
        Assert.Equal(4, blind.UncheckedSignatures);
    }

    [Fact]
    public void Attack06_root_that_nobody_of_the_one_before_signed_is_found_by_check_audit_and_start()
    {
        using var store = _folder.Open();
        var history = Rotated(store);
        var thief = SigningKey.Generate();
        long index = history.Record((RootDraft.Single("dom0", thief.Public) with { Version = 4, Revoked = [(Second.Public.Id, 4)] }).Signed(thief));
        var found = Assert.Throws<LedgerIntegrityException>(() => new LedgerChecker(store) { Signers = [History.SignerKey] }.Check());
        Assert.Equal(index, found.Index);
        Assert.Equal(index, Audit(store).Fault!.Index);
        Assert.False(LedgerRoots.TryVerify(store, history.State.Trust, History.SignerKey, RootDraft.ThisSystem, out _, out _));
    }

    [Fact]
    public void Attack07_entry_by_a_key_that_was_rotated_out_before_it_is_found_by_check_and_audit()
    {
        using var store = _folder.Open();
        var history = Rotated(store);
        long index = history.SetAs(Second, RootDraft.ThisSystem, ("RADIO_ISOLATION", JsonValue.Of("off")));
        history.SetAs(Third, RootDraft.ThisSystem, ("RADIO_ISOLATION", JsonValue.Of("on")));
        var found = Assert.Throws<LedgerIntegrityException>(() => new LedgerChecker(store) { Signers = [History.SignerKey] }.Check());
        Assert.Equal(index, found.Index);
        Assert.Contains("its key was not in force", found.Message, StringComparison.Ordinal);
        var fault = Audit(store).Fault!;
        Assert.Equal(index, fault.Index);
        Assert.Contains("not among those given", fault.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack06_change_and_statement_that_no_role_lets_their_signer_give_are_found_by_check_and_audit()
    {
        var limited = new RootDraft
        {
            Holders = [("dom0", [History.SignerKey]), ("radio", [Second.Public])],
            Roles =
            [
                ("root", RootDraft.Role(["dom0"], 1)),
                ("operator", RootDraft.Role(["dom0"], 1, "\"commands\":[\"*\"],\"policy\":[{\"key\":\"*\"}]")),
                ("radio", RootDraft.Role(["radio"], 1, "\"policy\":[{\"key\":\"RADIO_*\"}]")),
            ],
        };
        foreach (bool isStatement in (bool[])[false, true])
        {
            using var folder = new LedgerFolder();
            using var store = folder.Open();
            var history = new History(store, RootDraft.Created + 60);
            history.Record(limited.Signed(History.Key));
            history.SetAs(Second, RootDraft.ThisSystem, ("RADIO_ISOLATION", JsonValue.Of("off")));
            history.Record(LedgerKeyStatement.Sign(History.Key, $"qwamos/{RootDraft.ThisSystem}+key", RootDraft.ThisSystem, history.Now));
            var checker = new LedgerChecker(store) { Signers = [History.SignerKey] };
            checker.Check();
            Assert.Equal((2, 0), (checker.Signatures, checker.UncheckedSignatures));
            Assert.Null(Audit(store).Fault);
            long index = isStatement
                ? history.Record(LedgerKeyStatement.Sign(Second, $"qwamos/{RootDraft.ThisSystem}+key", RootDraft.ThisSystem, history.Now + 1))
                : history.SetAs(Second, RootDraft.ThisSystem, ("TOR_ISOLATION", JsonValue.Of("off")));
            var found = Assert.Throws<LedgerIntegrityException>(() => new LedgerChecker(store) { Signers = [History.SignerKey] }.Check());
            Assert.Equal(index, found.Index);
            Assert.Contains("trust root 1, in force then", found.Message, StringComparison.Ordinal);
            Assert.Equal(index, Audit(store).Fault!.Index);
        }
    }

    /// <summary>0 a change; 1 root of the enrolled and a second key; 2 a change of the second; 3 root of the second alone; 4 a change of it, stolen; 5 root of a third, the second revoked from 4 on; 6 a change of the third.</summary>
    private static History Rotated(LedgerStore store)
    {
        var history = new History(store, RootDraft.Created + 60);
        history.Set("RADIO_ISOLATION", "off");
        history.Record(RootDraft.Single("dom0", History.SignerKey, Second.Public).Signed(History.Key));
        history.SetAs(Second, RootDraft.ThisSystem, ("RADIO_ISOLATION", JsonValue.Of("on")));
        history.Record((RootDraft.Single("dom0", Second.Public) with { Version = 2 }).Signed(Second));
        history.SetAs(Second, RootDraft.ThisSystem, ("TOR_ISOLATION", JsonValue.Of("off")));
        history.Record((RootDraft.Single("dom0", Third.Public) with { Version = 3, Revoked = [(Second.Public.Id, 4)] }).Signed(Second, Third));
        history.SetAs(Third, RootDraft.ThisSystem, ("TOR_ISOLATION", JsonValue.Of("mandatory")));
        return history;
    }

    private static AuditReport Audit(LedgerStore store) =>
        new HistoryVerifier("the ledger", Checkpoint.Of($"qwamos/{RootDraft.ThisSystem}", store.Tree()), [History.SignerKey]).Verify(store.ReadFrom(0).Select(row => row.Leaf));
}
