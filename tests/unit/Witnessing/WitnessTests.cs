using System.Text;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Tests.Ledger;
using Qwamos.ControlBus.Tests.Trust;
using Qwamos.ControlBus.Verification;
using Qwamos.Gateway.Witnessing;
using Xunit;

namespace Qwamos.ControlBus.Tests.Witnessing;

public sealed class WitnessTests : IDisposable
{
    private readonly WitnessTrial _trial = WitnessTrial.Signed();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void Ledger_that_only_grows_is_cosigned_at_each_step_and_every_cosignature_holds()
    {
        int old = 0;
        foreach (int size in (int[])[0, 1, 2, 3, 7, 8, 9, 16, 20])
        {
            Assert.True(_trial.Witness.TryTake(_trial.Offer(old, size), out WitnessMemory? memory, out Refusal? refusal), refusal?.Reason);
            Assert.Equal(size, memory.Seen!.Checkpoint.Size);
            SignedNote note = memory.Seen.Cosigned;
            Assert.True(_trial.Witness.Key.TryReadTime(note, out long time, out string? fault), fault);
            Assert.Equal(_trial.Time.UnixSeconds, time);
            Assert.True(_trial.Verifier().Accepts(note, out fault), fault);
            Assert.Equal($"signed by {_trial.Operator.Public.Id}", memory.Trust);
            old = size;
        }

        Assert.Empty(_trial.Evidence);
    }

    [Fact]
    public void Sender_that_does_not_know_what_was_seen_is_told_the_size_and_comes_again_with_a_proof_from_there()
    {
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5)));
        Assert.False(_trial.Witness.TryTake(_trial.Offer(0, 9), out _, out Refusal? refusal));
        Assert.Equal(ErrorCode.BaseMismatch, refusal.Code);
        Assert.Equal(5, Assert.Single(refusal.Extra!).Value.TryGetInteger(out long size) ? size : -1);
        Assert.Equal("ok", _trial.Take(_trial.Offer(5, 9)));
    }

    [Theory]
    [InlineData(5, "fork")]
    [InlineData(9, "unproven")]
    [InlineData(4, "unproven")]
    public void Attack37_Second_history_is_refused_and_the_evidence_survives_a_restart(int size, string code)
    {
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5, seconds: _trial.Time.UnixSeconds)));
        CheckpointOffer split = _trial.Offer(5, size, WitnessTrial.Split, _trial.Time.UnixSeconds);
        Assert.Equal(code, _trial.Take(split));
        string file = Assert.Single(_trial.Evidence);
        Assert.StartsWith(code + "-", file, StringComparison.Ordinal);
        JsonValue evidence = Parse(file);
        Assert.Equal(split.Note, Text(evidence, "offered", "checkpoint"));
        Assert.Contains(Convert.ToBase64String(WitnessTrial.Honest.Root(5)), Text(evidence, "seen", "checkpoint"), StringComparison.Ordinal);

        // Both notes in it open under the one key: that is what makes it evidence.
        foreach (string side in (string[])["seen", "offered"])
            Assert.True(Checkpoint.TryOpen(Encoding.UTF8.GetBytes(Text(evidence, side, "checkpoint")), _trial.Verifier(), out _, out string? fault), fault);

        Assert.Equal(code, _trial.Take(split));
        _trial.Restart();
        Assert.Equal(code, _trial.Take(split));
        Assert.Single(_trial.Evidence);
        Assert.Equal("ok", _trial.Take(_trial.Offer(5, 9)));
    }

    [Fact]
    public void Attack37_What_anybody_can_bring_about_takes_no_place_of_a_fork_and_is_counted()
    {
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5)));
        for (int i = 0; i < Limits.MaxEvidenceFiles + 3; i++)
        {
            // Genuine notes, and proofs of junk: no key is needed for it.
            _trial.Time.Advance(1);
            Assert.Equal("unproven", _trial.Take(_trial.Offer(5, 6 + (i % 12)) with { Proof = [new byte[32]] }));
            using SigningKey other = SigningKey.Generate();
            var offer = new CheckpointOffer(_trial.Note(WitnessTrial.Honest, 9, key: other).ToString(), _trial.Verifier(other).ToString(), 5, WitnessTrial.Honest.ConsistencyProof(5, 9));
            Assert.Equal("unknown_key", _trial.Take(offer));
        }

        Assert.Equal("fork", _trial.Take(_trial.Offer(5, 5, WitnessTrial.Split)));
        Assert.Equal("""{"fork":1,"pinned_fork":0,"unproven":4,"unknown_key":4,"delivery":0,"replaced":0,"left_out":26}""", _trial.Witness.Evidence.ToJson().ToString());
    }

    [Fact]
    public void Attack13_Older_tree_after_a_restart_is_not_taken_and_what_was_seen_stays()
    {
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 9)));
        _trial.Restart();
        // Put back to 5 entries: the same history, but it ends before what was seen.
        Assert.Equal("unproven", _trial.Take(_trial.Offer(9, 5)));
        Assert.Equal("base_mismatch", _trial.Take(_trial.Offer(9, 5) with { Proof = WitnessTrial.Honest.ConsistencyProof(5, 9) }));
        Assert.Equal(9, _trial.Witness.Memory!.Seen!.Checkpoint.Size);
    }

    [Fact]
    public void Attack14_Checkpoint_is_stale_300_seconds_after_the_ledger_signed_it_and_an_old_one_again_makes_it_no_younger()
    {
        long start = _trial.Time.UnixSeconds;
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5, seconds: start)));
        _trial.Time.Advance(300);
        Assert.False(_trial.Witness.Memory!.Seen!.IsStale(_trial.Time.UnixSeconds));
        _trial.Time.Advance(1);
        Assert.True(_trial.Witness.Memory!.Seen!.IsStale(_trial.Time.UnixSeconds));
        Assert.Equal("ok", _trial.Take(_trial.Offer(5, 5, seconds: start)));
        Assert.True(_trial.Witness.Memory!.Seen!.IsStale(_trial.Time.UnixSeconds));
        Assert.Equal("ok", _trial.Take(_trial.Offer(5, 5, seconds: start + 60)));
        Assert.False(_trial.Witness.Memory!.Seen!.IsStale(_trial.Time.UnixSeconds));
        Assert.Equal(start + 60, _trial.Witness.Memory.Seen.SignedSeconds);
        // One from the future would hide a freeze.
        Assert.Equal("ok", _trial.Take(_trial.Offer(5, 6, seconds: start + 100_000)));
        Assert.True(_trial.Witness.Memory!.Seen!.IsStale(_trial.Time.UnixSeconds));
    }

    [Fact]
    public void Attack12_Time_far_in_the_future_counts_as_none_and_the_true_one_takes_its_place()
    {
        long far = 4_102_444_800;
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5, seconds: far)));
        Assert.Null(_trial.Witness.Memory!.Seen!.SignedSeconds);
        Assert.Equal("ok", _trial.Take(_trial.Offer(5, 5)));
        Assert.Equal(_trial.Time.UnixSeconds, _trial.Witness.Memory.Seen.SignedSeconds);
        // It comes again, and takes nothing back.
        Assert.Equal("ok", _trial.Take(_trial.Offer(5, 5, seconds: far)));
        Assert.Equal(_trial.Time.UnixSeconds, _trial.Witness.Memory.Seen.SignedSeconds);

        // The witness's own clock stood there, too, and was set right.
        long now = _trial.Time.UnixSeconds;
        _trial.Time.Step(TimeSpan.FromSeconds(far - now));
        Assert.Equal("ok", _trial.Take(_trial.Offer(5, 6)));
        Assert.Equal(far, _trial.Witness.Memory.Seen.SignedSeconds);
        _trial.Time.Step(TimeSpan.FromSeconds(now - far));
        _trial.Restart();
        Assert.True(_trial.Witness.Memory!.Seen!.IsStale(now));
        Assert.Equal("ok", _trial.Take(_trial.Offer(6, 6)));
        Assert.Equal(now, _trial.Witness.Memory.Seen.SignedSeconds);
        Assert.False(_trial.Witness.Memory.Seen.IsStale(now));
    }

    [Fact]
    public void Attack12_Time_floor_forgets_a_later_word_of_the_operator_and_a_later_time_but_never_what_was_seen()
    {
        long far = 4_102_444_800, now = _trial.Time.UnixSeconds;
        _trial.Time.Step(TimeSpan.FromSeconds(far - now));
        Assert.Equal("ok", _trial.Trust(_trial.LedgerKey, far));
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5)));
        string root = _trial.Witness.Memory!.Seen!.Checkpoint.RootHex, key = _trial.Witness.Key.ToString();
        _trial.Time.Step(TimeSpan.FromSeconds(now - far));
        Assert.Equal("superseded", _trial.Trust(_trial.LedgerKey, now));

        Assert.Null(_trial.Witness.LowerTo(now));
        _trial.Restart();
        Assert.Equal("pinned, not signed", _trial.Witness.Memory!.Trust);
        Assert.Equal((root, null, now, null), (_trial.Witness.Memory.Seen!.Checkpoint.RootHex, _trial.Witness.Memory.Seen.SignedSeconds, _trial.Witness.Memory.Seen.ArrivedSeconds, _trial.Witness.Memory.Seen.Cosignature));
        Assert.Equal("fork", _trial.Take(_trial.Offer(5, 5, WitnessTrial.Split)));
        Assert.Equal("ok", _trial.Trust(_trial.LedgerKey, now));
        Assert.True(_trial.Witness.Key.TryReadTime(_trial.Witness.Memory.Seen.Cosigned, out long time, out string? fault), fault);
        Assert.Equal((now, key), (time, _trial.Witness.Key.ToString()));
        // What was signed before the floor stays.
        Assert.Null(_trial.Witness.LowerTo(now));
        Assert.Equal($"signed by {_trial.Operator.Public.Id}", _trial.Witness.Memory.Trust);
        Assert.NotNull(_trial.Witness.Memory.Seen.Cosignature);
    }

    [Fact]
    public void Attack37_Key_that_is_only_pinned_is_watched_and_nothing_is_cosigned_before_the_operators_word()
    {
        using var trial = new WitnessTrial();
        Assert.Equal("ok", trial.Take(trial.Offer(0, 5)));
        Assert.Equal("ok", trial.Take(trial.Offer(5, 9)));
        Assert.Equal(("pinned, not signed", null), (trial.Witness.Memory!.Trust, trial.Witness.Memory.Seen!.Cosignature));
        Assert.Equal(2, trial.Witness.Memory.Seen.Cosigned.Signatures.Count);
        Assert.Equal("unproven", trial.Take(trial.Offer(9, 10, WitnessTrial.Split)));
        Assert.Equal("fork", trial.Take(trial.Offer(9, 9, WitnessTrial.Split)));
        Assert.Equal("""{"fork":0,"pinned_fork":1,"unproven":1,"unknown_key":0,"delivery":0,"replaced":0,"left_out":0}""", trial.Witness.Evidence.ToJson().ToString());
        trial.Restart();
        Assert.Null(trial.Witness.Memory!.Seen!.Cosignature);

        string key = trial.Witness.Key.ToString();
        Assert.Equal("ok", trial.Trust(trial.LedgerKey, 100));
        Assert.Equal(key, trial.Witness.Key.ToString());
        Assert.True(trial.Witness.Key.TryReadTime(trial.Witness.Memory.Seen.Cosigned, out _, out string? fault), fault);
    }

    [Fact]
    public void Attack37_One_witness_key_never_cosigns_the_histories_of_two_ledger_keys()
    {
        using SigningKey next = SigningKey.Generate();
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5)));
        CosignatureKey first = _trial.Witness.Key;
        SignedNote cosigned = _trial.Witness.Memory!.Seen!.Cosigned;
        Assert.Equal("ok", _trial.Trust(next, 101));
        CosignatureKey second = _trial.Witness.Key;
        Assert.NotEqual(first.Public.Id, second.Public.Id);

        // The very history of before, and another one, under the new key.
        var offer = new CheckpointOffer(_trial.Note(WitnessTrial.Split, 5, key: next).ToString(), _trial.Verifier(next).ToString(), 0, []);
        Assert.Equal("ok", _trial.Take(offer));
        Assert.False(first.TryReadTime(_trial.Witness.Memory.Seen!.Cosigned, out _, out _));
        Assert.True(first.TryReadTime(cosigned, out _, out _));
        _trial.Restart();
        Assert.Equal(second.ToString(), _trial.Witness.Key.ToString());
        Assert.True(second.TryReadTime(_trial.Witness.Memory!.Seen!.Cosigned, out _, out string? fault), fault);
    }

    [Fact]
    public void Attack37_Key_that_cannot_be_renewed_keeps_the_old_memory_and_the_statement_is_tried_again()
    {
        using SigningKey next = SigningKey.Generate();
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5)));
        string key = _trial.Witness.Key.ToString();
        byte[] seed = File.ReadAllBytes(_trial.Paths.GatewayWitnessKeyFile);
        File.Delete(_trial.Paths.GatewayWitnessKeyFile);
        Directory.CreateDirectory(_trial.Paths.GatewayWitnessKeyFile);
        Assert.Equal("storage_error", _trial.Trust(next, 101));
        Assert.Equal((key, 5), (_trial.Witness.Key.ToString(), _trial.Witness.Memory!.Seen!.Checkpoint.Size));
        Directory.Delete(_trial.Paths.GatewayWitnessKeyFile);
        File.WriteAllBytes(_trial.Paths.GatewayWitnessKeyFile, seed);

        // Killed between key and memory: the new key has vouched for the old ledger only, and goes, too.
        File.Delete(_trial.Paths.GatewayWitnessFile);
        Directory.CreateDirectory(_trial.Paths.GatewayWitnessFile);
        Assert.Equal("storage_error", _trial.Trust(next, 101));
        string between = _trial.Witness.Key.ToString();
        Assert.NotEqual(key, between);
        Directory.Delete(_trial.Paths.GatewayWitnessFile);
        Assert.Equal("ok", _trial.Take(_trial.Offer(5, 5)));
        Assert.True(_trial.Witness.Key.TryReadTime(_trial.Witness.Memory.Seen!.Cosigned, out _, out string? fault), fault);
        Assert.Equal("ok", _trial.Trust(next, 101));
        Assert.NotEqual(between, _trial.Witness.Key.ToString());
        Assert.Null(_trial.Witness.Memory.Seen);
    }

    [Theory]
    [InlineData("directory")]
    [InlineData("link")]
    public void Attack31_Memory_that_cannot_be_read_is_no_absence_and_the_mend_is_said(string kind)
    {
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5)));
        string path = _trial.Paths.GatewayWitnessFile;
        File.Delete(path);
        if (kind == "link")
            File.CreateSymbolicLink(path, path + ".elsewhere");
        else
            Directory.CreateDirectory(path);
        Assert.False(_trial.TryOpen(out _, out string? fault));
        Assert.Contains(path, fault, StringComparison.Ordinal);
        Assert.Contains("remove it", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack08_Only_the_ledgers_key_makes_a_checkpoint_and_each_wrong_part_has_its_code()
    {
        using var _trial = new WitnessTrial();
        using SigningKey other = SigningKey.Generate();
        CheckpointOffer good = _trial.Offer(0, 5);
        SignedNote note = _trial.Note(WitnessTrial.Honest, 5);
        string otherSystem = new('b', SystemId.Digits);

        Assert.Equal("bad_request", _trial.Take(good with { Note = note.Text }));
        Assert.Equal("bad_request", _trial.Take(good with { Key = "x" }));
        Assert.Equal("bad_request", _trial.Take(good with { Key = _trial.Witness.Key.ToString() }));
        Assert.Equal("bad_request", _trial.Take(good with { Key = new NoteVerifierKey("another", _trial.LedgerKey.Public).ToString() }));
        Assert.Equal("bad_request", _trial.Take(good with { Proof = [new byte[32]] }));
        Assert.Equal("bad_request", _trial.Take(_trial.Offer(0, 0) with { Note = ZeroOfAnotherRoot() }));
        Assert.Equal("wrong_system", _trial.Take(good with { Note = _trial.Note(WitnessTrial.Honest, 5, system: otherSystem).ToString(), Key = _trial.Verifier(system: otherSystem).ToString() }));
        Assert.Equal("bad_signature", _trial.Take(good with { Key = _trial.Verifier(other).ToString() }));
        // An operator's key signs it; a witness cosigns it; its time is wrong.
        Assert.Equal("bad_signature", _trial.Take(good with { Note = Signed(note, _trial.Operator.Sign(Encoding.UTF8.GetBytes(note.Text))).ToString() }));
        Assert.Equal("bad_signature", _trial.Take(good with { Note = new SignedNote(note.Text, [CosignatureKey.Of(_trial.Verifier()).Sign(_trial.LedgerKey, new Checkpoint(WitnessTrial.Origin(), 5, WitnessTrial.Honest.Root(5)), 1)]).ToString() }));
        NoteSignature wrongTime = CosignatureKey.Of(_trial.Verifier()).Sign(_trial.LedgerKey, new Checkpoint(WitnessTrial.Origin(), 6, WitnessTrial.Honest.Root(6)), 1);
        Assert.Equal("bad_signature", _trial.Take(good with { Note = note.With([wrongTime]).ToString() }));
        // Without its time a changed byte in that line would go unseen.
        Assert.Equal("bad_signature", _trial.Take(good with { Note = new SignedNote(note.Text, [note.Signatures[0]]).ToString() }));
        Assert.Null(_trial.Witness.Memory);
        Assert.Empty(_trial.Evidence);

        Assert.Equal("ok", _trial.Take(good));
        Assert.Equal("unknown_key", _trial.Take(good with { Key = _trial.Verifier(other).ToString() }));
        Assert.Empty(_trial.Evidence);
    }

    [Fact]
    public void Lines_of_others_under_the_note_are_not_kept()
    {
        SignedNote note = _trial.Note(WitnessTrial.Honest, 5, seconds: 1_800_000_000).With([new NoteSignature("stranger", 7, new byte[5_000])]);
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5) with { Note = note.ToString() }));
        Assert.Equal(3, _trial.Witness.Memory!.Seen!.Cosigned.Signatures.Count);
        Assert.True(new FileInfo(_trial.Paths.GatewayWitnessFile).Length < 2_000);
    }

    [Fact]
    public void Operators_statement_replaces_the_pin_and_another_key_begins_anew_with_the_old_memory_kept()
    {
        using SigningKey next = SigningKey.Generate();
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5)));
        Assert.Equal("ok", _trial.Trust(_trial.LedgerKey, 100));
        Assert.Equal((5, $"signed by {_trial.Operator.Public.Id}"), (_trial.Witness.Memory!.Seen!.Checkpoint.Size, _trial.Witness.Memory.Trust));
        Assert.Equal("ok", _trial.Trust(_trial.LedgerKey, 100));
        Assert.Equal("superseded", _trial.Trust(next, 100));
        Assert.Equal("superseded", _trial.Trust(next, 99));
        Assert.Empty(_trial.Evidence);

        Assert.Equal("ok", _trial.Trust(next, 101));
        Assert.Null(_trial.Witness.Memory!.Seen);
        Assert.StartsWith("replaced-", Assert.Single(_trial.Evidence), StringComparison.Ordinal);
        Assert.Equal("unknown_key", _trial.Take(_trial.Offer(0, 5)));
        _trial.Restart();
        Assert.Equal($"signed by {_trial.Operator.Public.Id}", _trial.Witness.Memory!.Trust);
        Assert.Equal("superseded", _trial.Trust(_trial.LedgerKey, 100));
    }

    [Fact]
    public void Attack37_Key_that_was_first_gives_way_to_the_operators_and_takes_the_witness_key_with_it()
    {
        using var trial = new WitnessTrial();
        using SigningKey stranger = SigningKey.Generate();
        var offer = new CheckpointOffer(trial.Note(WitnessTrial.Split, 5, key: stranger).ToString(), trial.Verifier(stranger).ToString(), 0, []);
        Assert.Equal("ok", trial.Take(offer));
        string key = trial.Witness.Key.ToString();
        Assert.Equal("ok", trial.Trust(trial.LedgerKey, 100));
        Assert.NotEqual(key, trial.Witness.Key.ToString());
        Assert.Equal("ok", trial.Take(trial.Offer(0, 5)));
        Assert.NotNull(trial.Witness.Memory!.Seen!.Cosignature);
    }

    [Fact]
    public void Attack07_Word_of_a_key_that_is_revoked_is_nobodys_any_more_at_once_and_after_a_restart()
    {
        Assert.Equal("ok", _trial.Trust(_trial.LedgerKey, 100));
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5)));
        using SigningKey other = SigningKey.Generate();
        RootHistory replaced = After(other, []), revoked = After(other, [(_trial.Operator.Public.Id, 0)]);
        // Only replaced: it spoke in its time.
        Assert.Null(_trial.Witness.Disown(replaced.Current));
        _trial.Roots = replaced;
        _trial.Restart();
        Assert.NotNull(_trial.Witness.Memory!.Statement);
        Assert.NotNull(_trial.Witness.Memory.Seen!.Cosignature);

        Assert.Null(_trial.Witness.Disown(revoked.Current));
        Assert.Null(_trial.Witness.Memory!.Statement);
        Assert.Null(_trial.Witness.Memory.Seen!.Cosignature);
        Assert.Equal("ok", _trial.Take(_trial.Offer(5, 7)));
        Assert.Null(_trial.Witness.Memory.Seen!.Cosignature);
        _trial.Roots = revoked;
        _trial.Restart();
        Assert.Equal((7L, null), (_trial.Witness.Memory.Seen!.Checkpoint.Size, _trial.Witness.Memory.Statement));
        // What it saw still holds: another history is found out.
        Assert.Equal("fork", _trial.Take(_trial.Offer(7, 7, WitnessTrial.Split)));
    }

    [Fact]
    public void Attack07_Memory_with_the_word_of_a_revoked_key_put_back_is_not_believed()
    {
        Assert.Equal("ok", _trial.Trust(_trial.LedgerKey, 100));
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5)));
        using SigningKey other = SigningKey.Generate();
        _trial.Roots = After(other, [(_trial.Operator.Public.Id, 0)]);
        _trial.Restart();
        Assert.Null(_trial.Witness.Memory!.Statement);
        Assert.Null(_trial.Witness.Memory.Seen!.Cosignature);
    }

    /// <summary>The operator's key handed over to another.</summary>
    private RootHistory After(SigningKey next, (KeyId, long)[] revoked)
    {
        var root = (RootDraft.Single("other", next.Public) with { System = WitnessTrial.System, Revoked = revoked }).Signed(_trial.Operator, next);
        Assert.Null(RootHistory.Of(_trial.Operator.Public).TryExtend(0, RootDraft.Created, root, WitnessTrial.System, out RootHistory history));
        return history;
    }

    [Fact]
    public void Statement_of_an_operator_who_was_replaced_leaves_the_key_pinned()
    {
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5)));
        Assert.Equal("ok", _trial.Trust(_trial.LedgerKey, 100));
        using (_trial.Operator)
            _trial.Operator = SigningKey.Generate();
        _trial.Restart();
        Assert.Equal((5, "pinned, not signed"), (_trial.Witness.Memory!.Seen!.Checkpoint.Size, _trial.Witness.Memory.Trust));
        Assert.Null(_trial.Witness.Memory.Seen.Cosignature);
        Assert.Equal("ok", _trial.Trust(_trial.LedgerKey, 50));
    }

    [Fact]
    public void Restart_remembers_the_note_the_cosignature_and_the_key()
    {
        string key = _trial.Witness.Key.ToString();
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5, seconds: 1_800_000_000)));
        string note = _trial.Witness.Memory!.Seen!.Cosigned.ToString();
        _trial.Time.Advance(10);
        _trial.Restart();
        Assert.Equal((key, note), (_trial.Witness.Key.ToString(), _trial.Witness.Memory!.Seen!.Cosigned.ToString()));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_trial.Paths.GatewayWitnessFile));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_trial.Paths.GatewayWitnessKeyFile));
    }

    [Fact]
    public void New_witness_key_cosigns_what_is_remembered_anew()
    {
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5)));
        File.Delete(_trial.Paths.GatewayWitnessKeyFile);
        _trial.Restart();
        Assert.True(_trial.Witness.Key.TryReadTime(_trial.Witness.Memory!.Seen!.Cosigned, out _, out string? fault), fault);
    }

    [Fact]
    public void Another_systems_id_begins_anew_and_keeps_the_old_memory()
    {
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5)));
        KeyId key = _trial.Witness.Key.Public.Id;
        _trial.Restart(new string('b', SystemId.Digits));
        Assert.Null(_trial.Witness.Memory);
        Assert.StartsWith("replaced-", Assert.Single(_trial.Evidence), StringComparison.Ordinal);
        Assert.NotEqual(key, _trial.Witness.Key.Public.Id);
    }

    [Fact]
    public void Attack29_Memory_that_cannot_be_written_is_not_cosigned_and_service_resumes()
    {
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5)));
        // A directory in its place cannot be replaced, whoever runs this.
        File.Delete(_trial.Paths.GatewayWitnessFile);
        Directory.CreateDirectory(_trial.Paths.GatewayWitnessFile);
        Assert.Equal("storage_error", _trial.Take(_trial.Offer(5, 9)));
        Assert.Equal(5, _trial.Witness.Memory!.Seen!.Checkpoint.Size);
        Directory.Delete(_trial.Paths.GatewayWitnessFile);
        Assert.Equal("ok", _trial.Take(_trial.Offer(5, 9)));
    }

    [Fact]
    public void Attack31_Key_that_others_can_read_and_the_operators_key_stop_the_start()
    {
        File.SetUnixFileMode(_trial.Paths.GatewayWitnessKeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        Assert.False(_trial.TryOpen(out _, out string? fault));
        Assert.Contains("chmod 600", fault, StringComparison.Ordinal);

        byte[] seed = [.. Enumerable.Repeat((byte)9, SigningKey.SeedSizeBytes)];
        File.WriteAllBytes(_trial.Paths.GatewayWitnessKeyFile, seed);
        File.SetUnixFileMode(_trial.Paths.GatewayWitnessKeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.True(SigningKey.TryLoad(seed, out SigningKey? same, out _));
        using (_trial.Operator)
            _trial.Operator = same;
        Assert.False(_trial.TryOpen(out _, out fault));
        Assert.Contains("is the operator's key", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_with_any_byte_changed_is_refused_or_says_the_same()
    {
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5, seconds: 1_800_000_000)));
        Assert.Equal("ok", _trial.Trust(_trial.LedgerKey, 100));
        byte[] good = File.ReadAllBytes(_trial.Paths.GatewayWitnessFile);
        Assert.True(SigningKey.TryLoad(File.ReadAllBytes(_trial.Paths.GatewayWitnessKeyFile), out SigningKey? seed, out _));
        using var signer = new CosignatureSigner(seed, _trial.Witness.Key.Name);
        int refused = 0;
        for (int place = 0; place < good.Length; place++)
        {
            byte[] bad = [.. good];
            bad[place] ^= 1;
            if (!WitnessMemory.TryRead(bad, RootHistory.Of(_trial.Operator.Public), signer, out WitnessMemory? memory, out _))
                refused++;
            else
                Assert.Equal((_trial.Verifier().ToString(), 5), (memory.Key.ToString(), memory.Seen!.Checkpoint.Size));
        }

        Assert.True(refused > good.Length / 2);
    }

    private static string ZeroOfAnotherRoot() => $"{WitnessTrial.Origin()}\n0\n{Convert.ToBase64String(new byte[32])}\n\n\u2014 a AAAAAAA=\n";

    private SignedNote Signed(SignedNote note, byte[] signature) => new(note.Text, [new NoteSignature(_trial.Verifier().Name, _trial.Verifier().KeyHash, signature)]);

    private JsonValue Parse(string file) =>
        StrictJson.TryParse(File.ReadAllBytes(Path.Combine(_trial.Paths.GatewayEvidenceDir, file)), out JsonValue? value, out string? fault) ? value : throw new InvalidOperationException(fault);

    private static string Text(JsonValue value, string side, string member) =>
        value.TryGet(side, out JsonValue? inner) && inner.TryGet(member, out JsonValue? text) ? text.AsString : "";
}
