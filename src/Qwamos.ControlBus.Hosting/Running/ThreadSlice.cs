using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Qwamos.ControlBus.Hosting.Running;

/// <summary>How long the kernel lets a thread run before others: the shorter, the sooner it gets a processor when it wakes, for as great a share.</summary>
internal static class ThreadSlice
{
    /// <summary>sched_setattr(2). Every architecture has a number of its own.</summary>
    private static readonly long Number = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 314,
        Architecture.Arm64 => 274,
        _ => 0,
    };

    /// <summary>
    /// Asks for slices of so long, at least 100 us, for the calling thread. Linux 6.12 and newer heed it (sched_setattr with SCHED_OTHER). False, and
    /// nothing lost but time, where the kernel or a system call filter refuses; an older kernel takes it and does nothing.
    /// </summary>
    internal static bool TrySet(TimeSpan slice)
    {
        // The policy, SCHED_OTHER, is 0. The nice value comes with it and stays.
        var attributes = new Libc.SchedAttr { Size = (uint)Unsafe.SizeOf<Libc.SchedAttr>(), Nice = Libc.GetPriority(0, 0), Runtime = (ulong)slice.TotalNanoseconds };
        return Number != 0 && Libc.SchedSetAttr(Number, 0, attributes, 0) == 0;
    }
}
