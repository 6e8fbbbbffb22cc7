using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.Daemon;
using Xunit;

namespace Qwamos.ControlBus.Tests.Staging;

public sealed class StartupTests : IDisposable
{
    private readonly StagingTrial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void A_first_start_makes_the_system_id_and_an_empty_ledger()
    {
        using Prepared start = _trial.Prepare();
        Assert.Equal(32, start.SystemId.Length);
        Assert.Equal(0, start.Ledger.Size);
        Assert.True(Posix.TryStat(_trial.Paths.LedgerFile, out FileStat stat));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, stat.Mode);
    }

    [Fact]
    public void A_bad_anchor_stops_the_start()
    {
        File.WriteAllText(_trial.Paths.AnchorFile, "short");
        Assert.Contains("dom0.pub", _trial.Fault(), StringComparison.Ordinal);
    }

    [Fact]
    public void Attack25_a_second_start_is_refused_before_it_touches_the_ledger()
    {
        using Prepared start = _trial.Prepare();
        Assert.Contains("another daemon", _trial.Fault(), StringComparison.Ordinal);
    }

    [Fact]
    public void Attack29_what_a_kill_left_half_written_is_removed_and_nothing_else()
    {
        string left = Path.Combine(_trial.Paths.StateDir, ".status.json.0123456789abcdef.tmp");
        string other = Path.Combine(_trial.Paths.StateDir, ".notes.tmp");
        File.WriteAllText(left, "{");
        File.WriteAllText(other, "mine");
        using Prepared start = _trial.Prepare();
        Assert.False(File.Exists(left));
        Assert.True(File.Exists(other));
    }

    [Fact]
    public void Attack27_a_state_directory_that_others_may_write_stops_the_start()
    {
        File.SetUnixFileMode(_trial.Paths.StateDir, (UnixFileMode)0x1FF);
        Assert.Contains("writable by others", _trial.Fault(), StringComparison.Ordinal);
    }

    [Fact]
    public void Attack13_a_ledger_shorter_than_the_boot_remembers_stops_the_start_saying_where()
    {
        var memory = new BootMemory(3, new string('a', 64), new Dictionary<string, long>(), 1);
        new BootFolder(_trial.Paths).WriteMemory(memory);
        Assert.Contains("Entry 0 is missing", _trial.Fault(), StringComparison.Ordinal);
    }

    [Fact]
    public void Attack13_a_ledger_that_does_not_extend_the_kept_checkpoint_stops_the_start_saying_where_and_how_to_mend()
    {
        BootNotes.Write(_trial.Paths, BootNote.TimeFloor(1, 1_000, 500));
        using (Prepared first = _trial.Prepare())
            Keep(first.LedgerKey, first.Ledger);
        using (Prepared again = _trial.Prepare())
            Assert.Equal(1, again.Ledger.Size);
        File.Delete(_trial.Paths.LedgerFile);
        Assert.Contains($"mv {_trial.Paths.LedgerFile}-wal {_trial.Paths.LedgerFile}-wal.old", _trial.Fault(), StringComparison.Ordinal);
        File.Delete(_trial.Paths.LedgerFile + "-wal");
        string fault = _trial.Fault();
        Assert.StartsWith("Entry 0 is missing: the ledger has 0 entries, and 1 were seen before.", fault, StringComparison.Ordinal);
        Assert.EndsWith($"qwamosd --root {_trial.Paths.Root} restore {_trial.Paths.LedgerFile} --accept-older", fault, StringComparison.Ordinal);
        File.Move(_trial.Paths.CheckpointFile, _trial.Paths.CheckpointFile + ".old");
        _trial.Prepare().Dispose();
    }

    [Fact]
    public void Attack13_a_checkpoint_by_another_ledger_key_stops_the_start()
    {
        using (Prepared first = _trial.Prepare())
            Keep(first.LedgerKey, first.Ledger);
        File.Delete(_trial.Paths.LedgerKeyFile);
        Assert.Contains("put the old ledger_sk back", _trial.Fault(), StringComparison.Ordinal);
        File.WriteAllText(_trial.Paths.CheckpointFile, "nonsense");
        Assert.Contains("does not hold a checkpoint", _trial.Fault(), StringComparison.Ordinal);
    }

    private void Keep(CheckpointSigner key, LedgerStore ledger)
    {
        var checkpoint = Checkpoint.Of(key.Key.Name, ledger.Tree());
        File.WriteAllBytes(_trial.Paths.CheckpointFile, new KeptCheckpoint(key.Key, checkpoint, key.Sign(checkpoint, 1_000).ToBytes()).ToBytes());
    }

    [Fact]
    public void Boot_notes_become_entries_once_and_in_order()
    {
        BootNotes.Write(_trial.Paths, BootNote.TimeFloor(1, 1_000, 500));
        BootNotes.Write(_trial.Paths, BootNote.Applied(2, 1_001, [new BootResult("KERNEL_HARDENING", 0, BootResult.InForce, "")]));
        using (Prepared first = _trial.Prepare())
        {
            Assert.Equal(2, first.Ledger.Size);
            Assert.Equal(2, first.Loaded.State.LastNote);
            Assert.Equal(2, first.LastBoot!.Sequence);
        }
        using Prepared second = _trial.Prepare();
        Assert.Equal(2, second.Ledger.Size);
        Assert.IsType<NoteEntry>(second.Ledger.ReadEntry(1));
    }

    [Theory]
    [InlineData(true, """{"policy":{}}""")]
    [InlineData(false, """{"policy":{},"size":0,"root_hash":"00"}""")]
    public void Own_projections_without_their_ledger_are_not_taken_for_the_old_programs(bool isRemembered, string status)
    {
        if (isRemembered)
            new BootFolder(_trial.Paths).WriteMemory(new BootMemory(3, new string('a', 64), new Dictionary<string, long>(), 1));
        File.WriteAllText(_trial.Paths.StatusFile, status);
        if (isRemembered)
            _trial.Fault();
        else
            _trial.Prepare().Dispose();
        Assert.False(File.Exists(_trial.Paths.StatusFile + ".legacy"));
    }

    [Fact]
    public void Projections_of_the_old_program_are_kept_beside_with_the_line_that_signs_them()
    {
        File.WriteAllText(_trial.Paths.StatusFile, """{"policy":{"RADIO_ISOLATION":"off"}}""");
        File.Delete(_trial.Paths.EtcPendingLink);
        File.WriteAllText(_trial.Paths.EtcPendingLink, "KERNEL_HARDENING=strict\n");
        using (Prepared first = _trial.Prepare())
        {
            Assert.True(File.Exists(_trial.Paths.StatusFile + ".legacy"));
            Assert.True(File.Exists(_trial.Paths.EtcPendingLink + ".legacy"));
            Assert.Equal(FileKind.SymbolicLink, Posix.Stat(_trial.Paths.EtcPendingLink).Kind);
            Assert.Contains($"qwamosctl --root {_trial.Paths.Root} apply", _trial.EndedLog(), StringComparison.Ordinal);
            Assert.Empty(first.Loaded.State.Policy);
        }
        File.WriteAllText(_trial.Paths.StatusFile, "ours");
        using Prepared second = _trial.Prepare();
        Assert.Equal("ours", File.ReadAllText(_trial.Paths.StatusFile));
    }
}
