using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
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

    [Fact]
    public void Attack07_what_a_stolen_key_signed_stays_disowned_when_the_trust_begins_anew()
    {
        using var store = _folder.Open();
        var history = Rotated(store);
        history.Now += 60;
        history.Import(BootNote.AnchorReplaced(1, history.Now, new string('1', 64), new string('2', 64)));
        history.Now += 60;
        // Who draws up the next one may believe the key again: what it signs from here on is its holder's.
        var again = RootDraft.Single("dom0", History.SignerKey, Second.Public) with { CreatedSeconds = history.Now };
        history.Record(again.Signed(History.Key));
        history.SetAs(Second, RootDraft.ThisSystem, ("RADIO_ISOLATION", JsonValue.Of("off")));
        var report = Audit(store);
        Assert.Null(report.Fault);
        Assert.Equal(1, report.Disowned);
        Assert.Equal([7], report.BegunAnew);
        // And is disowned again from an entry before that beginning on: none is counted twice.
        history.Record((again with { Version = 2, Holders = [("dom0", [History.SignerKey])], Revoked = [(Second.Public.Id, 2)] }).Signed(History.Key));
        report = Audit(store);
        Assert.Null(report.Fault);
        Assert.Equal(3, report.Disowned);
    }

    [Fact]
    public void Trust_that_began_anew_by_a_clock_in_2100_has_a_first_version_again_once_root_lowers_the_floor()
    {
        const long InFuture = 4_102_444_800;
        using var store = _folder.Open();
        var history = new History(store, InFuture);
        history.Import(BootNote.AnchorReplaced(1, InFuture, new string('1', 64), new string('2', 64)));
        Assert.Equal(InFuture, history.State.Trust.BegunSeconds);
        history.Now = RootDraft.Created + 60;
        history.LowerFloor(history.Now);
        var first = RootDraft.Single("dom0", History.SignerKey) with { CreatedSeconds = history.Now + 1 };
        history.Record(first.Signed(History.Key));
        Assert.True(LedgerRoots.TryVerify(store, history.State.Trust, History.SignerKey, RootDraft.ThisSystem, out _, out var fault), fault);
        new LedgerChecker(store) { Signers = [History.SignerKey] }.Check();
        Assert.Null(Audit(store).Fault);
        // What was drawn up before root said the time stays dead, whatever time that was.
        using var folder = new LedgerFolder();
        using var other = folder.Open();
        history = new History(other, InFuture);
        history.Import(BootNote.AnchorReplaced(1, InFuture, new string('1', 64), new string('2', 64)));
        history.Now = RootDraft.Created + 60;
        history.LowerFloor(0);
        history.Record((first with { CreatedSeconds = history.Now }).Signed(History.Key));
        Assert.False(LedgerRoots.TryVerify(other, history.State.Trust, History.SignerKey, RootDraft.ThisSystem, out _, out _));
        Assert.Throws<LedgerIntegrityException>(() => new LedgerChecker(other) { Signers = [History.SignerKey] }.Check());
        Assert.Equal(2, Audit(other).Fault!.Index);
    }

    [Fact]
    public void Withheld_change_and_statement_of_a_stolen_key_are_counted_as_disowned()
    {
        using var store = _folder.Open();
        var history = new History(store, RootDraft.Created + 60);
        history.Record(RootDraft.Single("dom0", History.SignerKey, Second.Public).Signed(History.Key));
        history.SetAs(Second, RootDraft.ThisSystem, ("DURESS.gesture", JsonValue.Of("triple-power")));
        history.Record(LedgerKeyStatement.Sign(Second, $"qwamos/{RootDraft.ThisSystem}+key", RootDraft.ThisSystem, history.Now));
        history.Record((RootDraft.Single("dom0", History.SignerKey) with { Version = 2, Revoked = [(Second.Public.Id, 1)] }).Signed(History.Key));
        var report = Audit(store);
        Assert.Null(report.Fault);
        Assert.Equal((1, 2), (report.Withheld, report.Disowned));
        Assert.Empty(report.BegunAnew);
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
        new HistoryVerifier("the ledger", Checkpoint.Of($"qwamos/{RootDraft.ThisSystem}", store.Tree()), [History.SignerKey], index => store.Read(index)!.LeafHash).Verify(store.ReadFrom(0).Select(row => row.Leaf));
}
