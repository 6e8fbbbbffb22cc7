using Qwamos.ControlBus.Policy;
using Qwamos.Daemon.Boot;
using Xunit;

namespace Qwamos.ControlBus.Tests.Boot;

public sealed class RootRequestsTests : IDisposable
{
    private readonly BootTrial trial = new();

    public void Dispose() => trial.Dispose();

    [Fact]
    public void Attack12_TimeFloorLowered_TheBootBelievesLaterChangesAgain()
    {
        const long Now = 1_800_000_000;
        trial.Clock.Seconds = 4_102_444_800;
        trial.Set("KERNEL_HARDENING", "strict");
        trial.Boot();
        trial.Import();
        trial.Clock.Seconds = Now;
        Assert.Null(RootRequests.LowerTimeFloor(trial.Paths, Now));
        Assert.Equal(Now, trial.Memory.Timestamps["KERNEL_HARDENING"]);
        trial.Import();
        Assert.Equal(Now, trial.State.FloorSeconds);
        trial.Set("KERNEL_HARDENING", "paranoid");
        Assert.Equal(0, trial.Boot().Code);
        Assert.StartsWith("# KERNEL_HARDENING=paranoid", File.ReadAllText(trial.SysctlFile), StringComparison.Ordinal);
    }

    [Fact]
    public void TimeFloorLoweredBeforeTheImport_IsHeardAtOnce()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        RootRequests.LowerTimeFloor(trial.Paths, 1_700_000_000);
        trial.Boot();
        Assert.Equal(1_700_000_000, trial.Memory.Timestamps["KERNEL_HARDENING"]);
    }

    [Fact]
    public void TrustBegunAnewByAClockIn2100_TheBootTakesAFirstVersionAgainOnceTheFloorIsLowered()
    {
        RootRequests.RecordReplacedAnchor(trial.Paths, null, trial.Key.Public.Id);
        new BootFolder(trial.Paths).WriteMemory(trial.Memory with { TrustBegunSeconds = 4_102_444_800 });
        var before = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        Assert.Null(RootRequests.LowerTimeFloor(trial.Paths, 5));
        Assert.InRange(trial.Memory.TrustBegunSeconds, before, TimeProvider.System.GetUtcNow().ToUnixTimeSeconds());
    }

    [Fact]
    public void NotesOfRootsPrograms_AreNumberedOneAfterTheOther()
    {
        RootRequests.RecordReplacedAnchor(trial.Paths, null, trial.Key.Public.Id);
        RootRequests.LowerTimeFloor(trial.Paths, 5);
        trial.Set("KERNEL_HARDENING", "strict");
        trial.Boot();
        Assert.Equal([BootNoteKind.AnchorReplaced, BootNoteKind.TimeFloor, BootNoteKind.Applied], trial.Notes.Select(note => note.Kind));
        Assert.Equal([1L, 2, 3], trial.Notes.Select(note => note.Sequence));
        Assert.Equal(4, trial.Memory.NextSequence);
    }
}
