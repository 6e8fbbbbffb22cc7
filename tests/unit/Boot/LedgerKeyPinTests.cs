using System.Text;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.Daemon.Boot;
using Xunit;

namespace Qwamos.ControlBus.Tests.Boot;

/// <summary>The ledger's key: pinned by the boot that saw it first, and replaced by the operator's word only.</summary>
public sealed class LedgerKeyPinTests : IDisposable
{
    private readonly BootTrial trial = new();

    public LedgerKeyPinTests()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        trial.KeepCheckpoint();
    }

    public void Dispose() => trial.Dispose();

    private string[] Evidence => Directory.Exists(trial.Paths.BootEvidenceDir) ? Directory.GetFiles(trial.Paths.BootEvidenceDir) : [];

    [Fact]
    public void First_boot_pins_the_key_and_says_so_and_later_ones_still_do()
    {
        var (code, said) = trial.Boot();
        Assert.Equal(0, code);
        Assert.Contains($"the ledger's key is {trial.LedgerKey.Key}: pinned, not signed", said, StringComparison.Ordinal);
        Assert.Equal(new PinnedKey(trial.LedgerKey.Key.ToString(), null), trial.Memory.LedgerKey);
        trial.Import();
        Assert.Contains("pinned, not signed", trial.Boot().Said, StringComparison.Ordinal);
        Assert.Empty(Evidence);
    }

    [Fact]
    public void Operators_word_is_said_once_and_remembered()
    {
        trial.Boot();
        trial.Vouch();
        var seconds = trial.Clock.Seconds;
        Assert.Contains($"the ledger's key is {trial.LedgerKey.Key}, signed by {trial.Key.Public.Id}", trial.Boot().Said, StringComparison.Ordinal);
        Assert.Equal(seconds, trial.Memory.LedgerKey!.SignedSeconds);
        Assert.DoesNotContain("the ledger's key", trial.Boot().Said, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack37_Another_key_without_the_operators_word_is_refused_kept_as_evidence_and_the_last_known_good_stays()
    {
        trial.Boot();
        trial.Import();
        var applied = File.ReadAllText(trial.SysctlFile);
        var memory = File.ReadAllText(trial.Paths.BootMemoryFile);
        Another();
        trial.Set("KERNEL_HARDENING", "paranoid");
        // Somebody's own word, and one of the right key about the wrong one, count for nothing.
        using var stranger = SigningKey.Generate();
        trial.Vouch(stranger);
        trial.KeepCheckpoint();
        var (code, said) = trial.Boot();
        Assert.Equal(0, code);
        Assert.Contains($"nothing is applied and the last known good stays: Its checkpoint is by the key {trial.LedgerKey.Key}, and an earlier boot saw ", said, StringComparison.Ordinal);
        Assert.Contains($"qwamosctl --root {trial.Paths.Root} audit key --sign", said, StringComparison.Ordinal);
        Assert.Equal((applied, memory), (File.ReadAllText(trial.SysctlFile), File.ReadAllText(trial.Paths.BootMemoryFile)));

        var file = Assert.Single(Evidence);
        Assert.Contains(file, said, StringComparison.Ordinal);
        Assert.True(StrictJson.TryParse(File.ReadAllBytes(file), out var evidence, out _, 1 << 20));
        Assert.True(evidence.TryGet("offered", out var offered), evidence.ToString());
        Assert.True(offered.TryGet("checkpoint", out var note), evidence.ToString());
        Assert.True(Checkpoint.TryOpen(Encoding.UTF8.GetBytes(note.AsString), trial.LedgerKey.Key, out _, out var fault), fault);
        Assert.Equal(BootFolder.FileMode, File.GetUnixFileMode(file));

        var kept = File.ReadAllBytes(file);
        trial.KeepCheckpoint();
        trial.Boot();
        Assert.Equal(kept, File.ReadAllBytes(Assert.Single(Evidence)));

        // The mend that was said.
        trial.Vouch();
        Assert.Contains($"signed by {trial.Key.Public.Id}, in place of ", trial.Boot().Said, StringComparison.Ordinal);
        Assert.StartsWith("# KERNEL_HARDENING=paranoid", File.ReadAllText(trial.SysctlFile), StringComparison.Ordinal);
    }

    [Fact]
    public void Attack13_Older_word_of_the_operator_brings_no_older_key_back()
    {
        trial.Vouch(seconds: trial.Clock.Seconds - 50);
        var first = trial.LedgerKey;
        trial.Boot();
        trial.LedgerKey = NewKey();
        trial.Vouch();
        trial.KeepCheckpoint();
        Assert.Contains("in place of", trial.Boot().Said, StringComparison.Ordinal);
        trial.LedgerKey.Dispose();
        trial.LedgerKey = first;
        trial.KeepCheckpoint();
        Assert.Contains("the operator's statement names", trial.Boot().Said, StringComparison.Ordinal);
        Assert.Single(Evidence);
    }

    [Fact]
    public void Attack37_Key_that_the_operators_statement_does_not_name_is_refused_at_the_first_boot_too()
    {
        trial.Vouch();
        Another();
        Assert.Contains("the operator's statement names", trial.Boot().Said, StringComparison.Ordinal);
        Assert.False(File.Exists(trial.SysctlFile));
    }

    [Fact]
    public void Attack11_Checkpoint_of_another_system_is_refused()
    {
        trial.LedgerKey.Dispose();
        trial.LedgerKey = new CheckpointSigner(SigningKey.Generate(), Checkpoint.OriginOf(new string('f', SystemId.Digits)));
        trial.KeepCheckpoint();
        Assert.Contains("is of another system's ledger", trial.Boot().Said, StringComparison.Ordinal);
        Assert.False(File.Exists(trial.SysctlFile));
    }

    [Fact]
    public void Attack38_Evidence_is_bounded()
    {
        trial.Boot();
        for (var i = 0; i < Limits.MaxBootEvidenceFiles + 2; i++)
        {
            Another();
            trial.Boot();
        }
        Assert.Equal(Limits.MaxBootEvidenceFiles, Evidence.Length);
        Assert.Contains("is full", trial.Boot().Said, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack12_Word_from_the_future_is_not_believed_and_the_time_floor_forgets_one_that_was()
    {
        trial.Vouch(seconds: 4_102_444_800);
        Assert.Contains("pinned, not signed", trial.Boot().Said, StringComparison.Ordinal);
        var now = trial.Clock.Seconds;
        trial.Clock.Seconds = 4_102_444_800;
        Assert.Contains("signed by", trial.Boot().Said, StringComparison.Ordinal);
        trial.Clock.Seconds = now;
        Assert.Null(RootRequests.LowerTimeFloor(trial.Paths, now));
        Assert.Equal(new PinnedKey(trial.LedgerKey.Key.ToString(), null), trial.Memory.LedgerKey);
        trial.Import();
        trial.Vouch();
        Assert.Contains("signed by", trial.Boot().Said, StringComparison.Ordinal);
        Assert.Equal(now, trial.Memory.LedgerKey!.SignedSeconds);
    }

    [Fact]
    public void Attack37_Checkpoint_that_is_gone_is_no_way_around_the_pin()
    {
        trial.Boot();
        File.Delete(trial.Paths.CheckpointFile);
        Assert.Contains("is not there, and an earlier boot saw the ledger's key", trial.Boot().Said, StringComparison.Ordinal);
        Assert.Equal(trial.LedgerKey.Key.ToString(), trial.Memory.LedgerKey!.Key);
    }

    [Fact]
    public void Attack37_Statement_that_the_snapshot_hides_is_missed_and_the_ledger_refused()
    {
        trial.Vouch();
        trial.Boot();
        var seconds = trial.Memory.LedgerKey!.SignedSeconds;
        trial.Set("KERNEL_HARDENING", "paranoid");
        trial.KeepCheckpoint();
        // Somebody with qwamosd's account: every entry is what it was, and the fold that they are given says that nobody vouched.
        trial.WithStore(store =>
        {
            var loaded = LedgerFold.Load(store);
            store.SaveSnapshot(LedgerFold.Snapshot(loaded.State with { LedgerKey = null }, loaded.Tree));
            return 0;
        });
        var (code, said) = trial.Boot();
        Assert.Equal(0, code);
        Assert.Contains($"nothing is applied and the last known good stays: Somebody changed it: the operator's statement about the ledger's key, signed at {seconds}, ", said, StringComparison.Ordinal);
        Assert.Contains(Assert.Single(Evidence), said, StringComparison.Ordinal);
        Assert.StartsWith("# KERNEL_HARDENING=strict", File.ReadAllText(trial.SysctlFile), StringComparison.Ordinal);

        // Once the operator's word stands above the lie, the boot goes by it again.
        trial.Vouch(seconds: trial.Clock.Seconds);
        Assert.DoesNotContain("refused", trial.Boot().Said, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack12_Clock_set_back_takes_nothing_from_the_statement_that_was_gone_by()
    {
        trial.Vouch();
        trial.Boot();
        trial.Clock.Seconds = 0;
        Assert.DoesNotContain("the ledger's key", trial.Boot().Said, StringComparison.Ordinal);
        trial.Vouch(seconds: 1_800_100_000);
        Assert.Contains("set the clock", trial.Boot().Said, StringComparison.Ordinal);
    }

    [Fact]
    public void Key_that_a_replaced_operator_signed_stays_pinned_and_it_is_said_whose_word_is_missing()
    {
        trial.Vouch();
        trial.Boot();
        var before = trial.Key.Public.Id;
        trial.Key.Dispose();
        trial.Key = SigningKey.Generate();
        File.WriteAllBytes(trial.Paths.AnchorFile, trial.Key.Public.Raw.ToArray());
        Assert.Contains($"pinned: {before}, who signed the newest statement, is not enrolled now", trial.Boot().Said, StringComparison.Ordinal);
        Assert.Empty(Evidence);
        trial.Clock.Seconds += 100;
        trial.Vouch();
        Assert.Contains($"signed by {trial.Key.Public.Id}", trial.Boot().Said, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack12_Statement_that_a_lowered_time_floor_forgot_is_no_alarm()
    {
        trial.Vouch();
        trial.Boot();
        var seconds = trial.Clock.Seconds;
        // A clock in 2100, at which the operator signed once more; then root lowers the floor, and the ledger forgets both.
        trial.Vouch(seconds: 4_102_444_800);
        Assert.Null(RootRequests.LowerTimeFloor(trial.Paths, seconds));
        trial.Import();
        Assert.Contains("forgotten by set-time-floor; vouch for the key again", trial.Boot().Said, StringComparison.Ordinal);
        Assert.Empty(Evidence);
    }

    [Fact]
    public void Memory_of_an_earlier_program_has_nothing_pinned_and_another_form_is_refused()
    {
        const string Earlier = """{"format":1,"next_seq":1,"root_hash":null,"timestamps":{},"tree_size":0}""";
        Assert.True(BootMemory.TryParse(Encoding.UTF8.GetBytes(Earlier), out var memory, out var fault), fault);
        Assert.Null(memory.LedgerKey);
        Assert.Equal(Earlier, Encoding.UTF8.GetString(memory.Write()));
        foreach (var pin in (string[])["null", "{}", "\"x\"", "{\"key\":\"\",\"signed\":null}", "{\"key\":\"x\",\"signed\":-1}", "{\"key\":\"x\",\"signed\":null,\"more\":1}"])
            Assert.False(BootMemory.TryParse(Encoding.UTF8.GetBytes($"{Earlier[..^1]},\"ledger_key\":{pin}}}"), out _, out _), pin);
        foreach (var pin in (PinnedKey[])[new("x", null), new("x", 7)])
        {
            Assert.True(BootMemory.TryParse((memory with { LedgerKey = pin }).Write(), out var read, out fault), fault);
            Assert.Equal(pin, read.LedgerKey);
        }
    }

    private void Another()
    {
        trial.LedgerKey.Dispose();
        trial.LedgerKey = NewKey();
        trial.KeepCheckpoint();
    }

    private static CheckpointSigner NewKey() => new(SigningKey.Generate(), Checkpoint.OriginOf(BootTrial.SystemIdText));
}
