using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Trust;
using Qwamos.ControlBus.Trust;
using Qwamos.Daemon.Boot;
using Xunit;

namespace Qwamos.ControlBus.Tests.Boot;

/// <summary>The boot judges what is staged by the trust root of its entry, and by what is revoked since.</summary>
public sealed class TrustRootBootTests : IDisposable
{
    private readonly BootTrial trial = new();
    private readonly SigningKey anchor;
    private readonly SigningKey anna = SigningKey.Generate();
    private readonly SigningKey ben = SigningKey.Generate();
    private SignedRoot? first;
    private SignedRoot? second;

    public TrustRootBootTests() => anchor = trial.Key;

    public void Dispose()
    {
        trial.Key = anchor;
        trial.Dispose();
        anna.Dispose();
        ben.Dispose();
    }

    private bool IsApplied(string value) => File.Exists(trial.SysctlFile) && File.ReadAllText(trial.SysctlFile).StartsWith($"# KERNEL_HARDENING={value}", StringComparison.Ordinal);

    [Fact]
    public void Change_signed_by_a_holder_of_the_trust_root_is_applied_and_one_by_thefirst_key_is_not()
    {
        trial.Record(First());
        Stage(anchor, "paranoid");
        Assert.Contains("does not verify (bad_signature", trial.Boot().Said, StringComparison.Ordinal);
        Assert.False(IsApplied("paranoid"));
        Stage(anna, "strict");
        var said = trial.Boot().Said;
        Assert.True(IsApplied("strict"), said);
        Assert.Equal(new SeenTrust(anchor.Public.Id.ToString(), 1, First().Root.Hash, 0), trial.Memory.Trust);
    }

    [Fact]
    public void What_was_staged_before_the_trust_root_was_signed_by_the_key_of_then()
    {
        Stage(anchor, "strict", system: false);
        trial.Record(First());
        var said = trial.Boot().Said;
        Assert.True(IsApplied("strict"), said);
        Assert.Contains($"trust root 1 is in force from entry 1 on: {First().Root.Hash}", said, StringComparison.Ordinal);
        trial.Import();
        Assert.DoesNotContain("trust root", trial.Boot().Said, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack07_What_a_revoked_key_staged_is_refused_from_the_cut_off_on_and_what_it_staged_before_is_applied()
    {
        trial.Record(First());
        var index = Stage(anna, "strict");
        trial.Record(Second(revokedFrom: index + 1));
        var said = trial.Boot().Said;
        Assert.True(IsApplied("strict"), said);
    }

    [Fact]
    public void Attack07_What_a_revoked_key_staged_after_the_cut_off_keeps_the_last_known_good()
    {
        trial.Record(First());
        var index = Stage(anna, "strict");
        trial.Record(Second(revokedFrom: index));
        var said = trial.Boot().Said;
        Assert.Contains($"the key {anna.Public.Id} is revoked from entry {index} on", said, StringComparison.Ordinal);
        Assert.False(IsApplied("strict"));
        // Signed after it was revoked, and recorded all the same by a daemon that was taken over.
        Stage(anna, "paranoid");
        Assert.Contains("does not verify (bad_signature", trial.Boot().Said, StringComparison.Ordinal);
        Assert.False(IsApplied("paranoid"));
        Stage(ben, "paranoid");
        trial.Boot();
        Assert.True(IsApplied("paranoid"));
    }

    [Fact]
    public void Attack03_One_holder_of_two_is_not_enough_for_what_a_daemon_that_was_taken_over_recorded()
    {
        var draft = RootDraft.Single("anna", anna.Public) with
        {
            Holders = [("anna", [anna.Public]), ("ben", [ben.Public])],
            Roles = [("root", RootDraft.Role(["anna"], 1)), ("operator", RootDraft.Role(["anna", "ben"], 2, "\"policy\":[{\"key\":\"*\"}]"))],
            CreatedSeconds = trial.Clock.Seconds,
            ExpiresSeconds = trial.Clock.Seconds + RootDraft.Year,
        };
        trial.Record(draft.Signed(anchor, anna));
        Stage(anna, "strict");
        Assert.Contains("does not verify (not_authorised", trial.Boot().Said, StringComparison.Ordinal);
        Assert.False(IsApplied("strict"));
    }

    [Theory]
    [InlineData("skipped", "the ones between must come first")]
    [InlineData("unsigned", "under version 0")]
    [InlineData("stranger", "which neither version lists")]
    [InlineData("system", "another system's")]
    [InlineData("purpose", "does not hold")]
    public void Attack06_Trust_root_that_does_not_follow_stops_the_boot_from_applying_anything(string how, string why)
    {
        Stage(anchor, "strict", system: false);
        using var stranger = SigningKey.Generate();
        var draft = Draft(1, anna);
        trial.Record(how switch
        {
            "skipped" => (draft with { Version = 2 }).Signed(anchor, anna),
            "unsigned" => draft.Signed(anna),
            "stranger" => draft.Signed(anchor, anna, stranger),
            "system" => (draft with { System = new string('f', 32) }).Signed(anchor, anna),
            _ => SignedForAnotherPurpose(draft),
        });
        var (code, said) = trial.Boot();
        Assert.Equal(0, code);
        Assert.Contains("the ledger is refused, nothing is applied and the last known good stays: The trust root of entry 1 does not follow", said, StringComparison.Ordinal);
        Assert.Contains(why, said, StringComparison.Ordinal);
        Assert.Contains("enroll FILE --replace", said, StringComparison.Ordinal);
        Assert.False(IsApplied("strict"));
    }

    [Fact]
    public void Attack06_Fork_of_a_version_stops_the_boot_too()
    {
        trial.Record(First());
        trial.Record((Draft(1, ben) with { ExpiresSeconds = trial.Clock.Seconds + 5 }).Signed(anchor, ben));
        Stage(ben, "strict");
        Assert.Contains("another trust root of version 1 is in force here", trial.Boot().Said, StringComparison.Ordinal);
        Assert.False(IsApplied("strict"));
    }

    [Fact]
    public void Attack13_Forged_note_that_root_replaced_the_anchor_brings_no_older_trust_root_back()
    {
        trial.Record(First());
        trial.Record(Second());
        trial.Boot();
        var memory = File.ReadAllText(trial.Paths.BootMemoryFile);
        trial.Append(EntryWriter.Import(trial.Clock.Seconds, BootNote.AnchorReplaced(1, 0, anchor.Public.Id.ToString(), anchor.Public.Id.ToString())));
        Stage(anchor, "strict", system: false);
        var said = trial.Boot().Said;
        Assert.Contains("An earlier boot saw trust root 2 (", said, StringComparison.Ordinal);
        Assert.Contains("its trust root in force is version 0: it was rolled back", said, StringComparison.Ordinal);

        // Nor the first version alone, nor all of them anew: what a key that has left signs between would count again.
        trial.Record(First());
        Assert.Contains("its trust root in force is version 1: it was rolled back", trial.Boot().Said, StringComparison.Ordinal);
        trial.Record(Second());
        Assert.Contains("it recorded that version anew, as entry 5: it was rolled back", trial.Boot().Said, StringComparison.Ordinal);
        Assert.False(IsApplied("strict"));
        Assert.Equal(memory, File.ReadAllText(trial.Paths.BootMemoryFile));
    }

    [Fact]
    public void Attack13_Anothersecond_version_after_a_forged_note_is_no_successor_of_the_one_that_was_seen()
    {
        trial.Record(First());
        trial.Record(Second());
        trial.Boot();
        trial.Append(EntryWriter.Import(trial.Clock.Seconds, BootNote.AnchorReplaced(1, 0, anchor.Public.Id.ToString(), anchor.Public.Id.ToString())));
        trial.Record(First());
        trial.Record((Draft(2, anna) with { ExpiresSeconds = trial.Clock.Seconds + 500 }).Signed(anna));
        trial.Record(Draft(3, anna).Signed(anna));
        Assert.Contains("its version 2 is another, ", trial.Boot().Said, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack13_Versions_from_before_root_began_anew_do_not_come_back_whatever_time_the_ledger_says()
    {
        // Root's command has the real clock, which this trial's is ahead of.
        var dead = (Draft(1, anna) with { CreatedSeconds = RootDraft.Created }).Signed(anchor, anna);
        trial.Record(dead);
        trial.Boot();
        RootRequests.RecordReplacedAnchor(trial.Paths, anchor.Public.Id, anchor.Public.Id);
        trial.Append(EntryWriter.Import(trial.Clock.Seconds, BootNote.AnchorReplaced(1, 0, anchor.Public.Id.ToString(), anchor.Public.Id.ToString())));
        trial.Record(dead);
        Stage(anna, "strict");
        Assert.Contains("drawn up before root had the trust begin anew", trial.Boot().Said, StringComparison.Ordinal);
        Assert.False(IsApplied("strict"));
    }

    [Fact]
    public void Root_begins_anew_with_the_same_key_or_with_another()
    {
        trial.Record(First());
        trial.Boot();
        Assert.Equal(1, trial.Memory.Trust!.Version);
        RootRequests.RecordReplacedAnchor(trial.Paths, anchor.Public.Id, anchor.Public.Id);
        // Before qwamosd has imported the note: it is root's own.
        Stage(anchor, "strict", system: false);
        var said = trial.Boot().Said;
        Assert.True(IsApplied("strict"), said);
        Assert.Null(trial.Memory.Trust);
        trial.Import();
        trial.Record(First());
        Stage(anna, "paranoid");
        said = trial.Boot().Said;
        Assert.True(IsApplied("paranoid"), said);

        // Another anchor knows nothing of versions that it did not sign.
        RootRequests.RecordReplacedAnchor(trial.Paths, anchor.Public.Id, ben.Public.Id);
        File.WriteAllBytes(trial.Paths.AnchorFile, ben.Public.Raw.ToArray());
        trial.Import();
        Stage(ben, "strict", system: false);
        said = trial.Boot().Said;
        Assert.True(IsApplied("strict"), said);
    }

    [Fact]
    public void Attack13_Snapshot_that_hides_the_trust_root_which_revoked_a_key_is_found()
    {
        trial.Record(First());
        trial.Boot();
        var index = Stage(anna, "strict");
        trial.Record(Second(revokedFrom: index));
        trial.WithStore(store =>
        {
            var state = LedgerFold.Load(store).State;
            store.SaveSnapshot(LedgerFold.Snapshot(state with { Trust = new RecordedTrust(First(), [0]) }, store.Tree()));
            return 0;
        });
        Assert.Contains("Its entry 2 is a trust root, and its snapshot hides that", trial.Boot().Said, StringComparison.Ordinal);
        Assert.False(IsApplied("strict"));
    }

    [Fact]
    public void Anchor_exchanged_without_enrolling_stops_the_boot_from_applying()
    {
        trial.Record(First());
        Stage(anna, "strict");
        File.WriteAllBytes(trial.Paths.AnchorFile, ben.Public.Raw.ToArray());
        Assert.Contains("Enrol the key that the first trust root was signed by", trial.Boot().Said, StringComparison.Ordinal);
        Assert.False(IsApplied("strict"));
    }

    [Fact]
    public void Word_for_the_ledgers_key_is_of_a_key_that_could_give_it_then_and_is_not_revoked()
    {
        trial.Record(First());
        trial.Vouch(anna);
        trial.KeepCheckpoint();
        Assert.Contains($"signed by {anna.Public.Id}", trial.Boot().Said, StringComparison.Ordinal);
        // Replaced since: it spoke in its time.
        trial.Record(Second());
        trial.KeepCheckpoint();
        var said = trial.Boot().Said;
        Assert.DoesNotContain("the ledger's key", said, StringComparison.Ordinal);
        Assert.Equal(trial.State.LedgerKey!.Statement.TimestampSeconds, trial.Memory.LedgerKey!.SignedSeconds);
        // Revoked from before it spoke.
        trial.Record(Third(revokedFrom: 1));
        trial.KeepCheckpoint();
        Assert.Contains($"pinned: {anna.Public.Id}, who signed the newest statement, might not do so then, or is revoked", trial.Boot().Said, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack07_Word_of_a_revoked_key_for_another_ledgers_key_is_none()
    {
        trial.Record(First());
        trial.KeepCheckpoint();
        trial.Boot();
        trial.Record(Second(revokedFrom: 1));
        trial.LedgerKey.Dispose();
        trial.LedgerKey = new(SigningKey.Generate(), Checkpoint.OriginOf(BootTrial.SystemIdText));
        trial.Vouch(anna);
        trial.KeepCheckpoint();
        Assert.Contains("Its checkpoint is by the key ", trial.Boot().Said, StringComparison.Ordinal);
        trial.Vouch(ben);
        trial.KeepCheckpoint();
        Assert.Contains($"signed by {ben.Public.Id}, in place of ", trial.Boot().Said, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_with_a_trust_root_is_read_as_it_was_written_and_no_other_form_is()
    {
        var memory = BootMemory.Empty with { Trust = new SeenTrust(new string('a', 64), 3, new string('b', 64), 7) };
        Assert.True(BootMemory.TryParse(memory.Write(), out var read, out _));
        Assert.Equal(memory.Trust, read.Trust);
        var text = System.Text.Encoding.UTF8.GetString(memory.Write());
        foreach (var (good, bad) in ((string, string)[])[("\"version\":3", "\"version\":0"), ("\"index\":7", "\"index\":-1"), ("\"index\":7", "\"index\":7,\"more\":1"), ("aaaa\"", "aaaA\""), ("bbbb\"", "bbb\""), ("\"anchor\"", "\"ancho\"")])
            Assert.False(BootMemory.TryParse(System.Text.Encoding.UTF8.GetBytes(text.Replace(good, bad, StringComparison.Ordinal)), out _, out _), bad);
    }

    private SignedRoot First() => first ??= Draft(1, anna).Signed(anchor, anna);

    private SignedRoot Second() => second ??= Draft(2, ben).Signed(anna, ben);

    private SignedRoot Second(long revokedFrom) => (Draft(2, ben) with { Revoked = [(anna.Public.Id, revokedFrom)] }).Signed(anna, ben);

    private SignedRoot Third(long revokedFrom) => (Draft(3, ben) with { Revoked = [(anna.Public.Id, revokedFrom)] }).Signed(ben);

    private RootDraft Draft(long version, SigningKey holder) => RootDraft.Single(holder == anna ? "anna" : "ben", holder.Public) with
    {
        Version = version,
        CreatedSeconds = trial.Clock.Seconds,
        ExpiresSeconds = trial.Clock.Seconds + RootDraft.Year,
    };

    private SignedRoot SignedForAnotherPurpose(RootDraft draft)
    {
        var text = JsonText.ToText(draft.Signed(anchor, anna).ToJson());
        var right = Convert.ToBase64String(anchor.Sign(draft.Root().SignedBytes()));
        var wrong = Convert.ToBase64String(anchor.Sign(draft.Root().Canonical.Span));
        Assert.True(StrictJson.TryParse(System.Text.Encoding.UTF8.GetBytes(text.Replace(right, wrong, StringComparison.Ordinal)), out var json, out _));
        Assert.True(SignedRoot.TryRead(json, out var signed, out var fault), fault);
        return signed;
    }

    /// <summary>A change that a key signed and a daemon, honest or not, recorded as staged.</summary>
    private long Stage(SigningKey key, string value, bool system = true)
    {
        trial.Key = key;
        trial.Clock.Seconds++;
        var envelope = trial.Sign([("KERNEL_HARDENING", JsonValue.Of(value))], draft => system ? draft with { System = BootTrial.SystemIdText } : draft);
        return trial.Forge(envelope, BootTrial.Staging("KERNEL_HARDENING"));
    }
}
