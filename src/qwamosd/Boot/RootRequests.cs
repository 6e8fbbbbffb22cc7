using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.Daemon.Restoring;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// What root's commands leave for qwamosd, which alone writes the ledger and records each as an entry at its next start
/// (DESIGN section 3, time floor; section 4, anchor).
/// </summary>
internal static class RootRequests
{
    private const string NoKey = "0000000000000000000000000000000000000000000000000000000000000000";

    /// <summary>Leaves the note that the anchor is replaced, or begins anew: the boot forgets which trust root it saw at once. Throws <see cref="IOException"/>.</summary>
    public static void RecordReplacedAnchor(SystemPaths paths, KeyId? old, KeyId key) =>
        Leave(paths, (sequence, now) => BootNote.AnchorReplaced(sequence, now, old?.ToString() ?? NoKey, key.ToString()), (memory, now) => memory with { Trust = null, TrustBegunSeconds = now });

    /// <summary>Leaves the note that the time floor is lowered, and lowers the boot's own timestamps at once. Null: done.</summary>
    public static string? LowerTimeFloor(SystemPaths paths, long seconds)
    {
        Leave(paths, (sequence, now) => BootNote.TimeFloor(sequence, now, seconds), (memory, now) => memory.WithTimeFloor(seconds, now));
        return null;
    }

    private static void Leave(SystemPaths paths, Func<long, long, BootNote> note, Func<BootMemory, long, BootMemory> change)
    {
        var folder = new BootFolder(paths);
        folder.Make();
        if (folder.Fault() is { } distrust) throw new IOException(distrust);
        using var held = folder.Lock();
        if (RestorePlan.Fault(paths) is { } begun) throw new IOException(begun);
        if (!folder.TryReadMemory(out var memory, out var fault)) throw new IOException(fault);
        var sequence = BootNotes.NextSequence(paths, memory.NextSequence, imported: 0);
        var now = Math.Max(0, TimeProvider.System.GetUtcNow().ToUnixTimeSeconds());
        BootNotes.Write(paths, note(sequence, now), folder.Gid);
        folder.WriteMemory(change(memory, now) with { NextSequence = sequence + 1 });
    }
}
