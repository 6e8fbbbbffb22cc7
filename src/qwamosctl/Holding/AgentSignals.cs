using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Qwamos.ControlBus.Files;

namespace Qwamos.Client.Holding;

/// <summary>The signals of an agent: SIGHUP locks, SIGINT, SIGTERM and SIGQUIT end. They come on threads of the runtime; a pipe wakes the agent's own.</summary>
internal sealed partial class AgentSignals : IDisposable
{
    private const int O_NONBLOCK = 0x800;
    private const int O_CLOEXEC = 0x80000;

    private readonly SafeFileHandle reading;
    private readonly SafeFileHandle writing;
    private readonly List<PosixSignalRegistration> registrations = [];
    private volatile bool mustLock;
    private volatile bool mustEnd;

    public AgentSignals()
    {
        Span<int> ends = stackalloc int[2];
        if (Pipe(ends, O_NONBLOCK | O_CLOEXEC) != 0)
            throw new PosixException("pipe2", "the agent", Marshal.GetLastPInvokeError());
        reading = new SafeFileHandle(ends[0], ownsHandle: true);
        writing = new SafeFileHandle(ends[1], ownsHandle: true);
        registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => Take(context, () => mustLock = true)));
        foreach (var ending in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGQUIT])
            registrations.Add(PosixSignalRegistration.Create(ending, context => Take(context, () => mustEnd = true)));
    }

    /// <summary>Can be read when a signal has come.</summary>
    public int Descriptor => (int)reading.DangerousGetHandle();

    public bool MustEnd => mustEnd;

    /// <summary>Whether it was told to lock since it was asked last.</summary>
    public bool TakeLock()
    {
        Span<byte> woken = stackalloc byte[16];
        while (Read(reading, woken, (nuint)woken.Length) > 0)
        {
        }
        var must = mustLock;
        mustLock = false;
        return must;
    }

    public void Dispose()
    {
        foreach (var registration in registrations)
            registration.Dispose();
        writing.Dispose();
        reading.Dispose();
    }

    private void Take(PosixSignalContext context, Action note)
    {
        context.Cancel = true;
        note();
        _ = Write(writing, [0], 1);
    }

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    private static partial int Pipe(Span<int> ends, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(SafeFileHandle file, Span<byte> buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, nuint count);
}
