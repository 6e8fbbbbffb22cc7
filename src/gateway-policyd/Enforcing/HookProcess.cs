using System.Runtime.InteropServices;
using System.Text;
using Qwamos.ControlBus;

namespace Qwamos.Gateway.Enforcing;

/// <summary>
/// Runs one executable to its end, or to the end of its time: arguments as an array, never a shell; an environment of PATH alone;
/// working directory <c>/</c>; no descriptor but the three standard ones; a process group of its own, which is killed whole when
/// the time is over.
/// </summary>
internal static class HookProcess
{
    private const string Path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    private const int SliceMilliseconds = 100;

    /// <summary>Blocks until the hook has ended, or is killed because its time is over or the daemon stops. What goes wrong is in the result.</summary>
    /// <param name="input">Written to its standard input; at most a pipe's 64 KiB.</param>
    /// <param name="maxOutputBytes">What is kept of its output.</param>
    /// <param name="timeoutSeconds">Its time.</param>
    public static HookEnd Run(
        string path, IReadOnlyList<string> arguments, ReadOnlySpan<byte> input, TimeProvider time, CancellationToken stop,
        int maxOutputBytes = Limits.MaxHookOutputBytes, int timeoutSeconds = Limits.HookTimeoutSeconds)
    {
        if (arguments.Any(argument => argument.Contains('\0')))
            return new HookEnd(false, "the value holds a NUL, which no argument can carry", "");
        using var pipes = new HookPipes();
        int error = pipes.Start(path, arguments, Path, out int pid);
        if (error != 0)
            return new HookEnd(false, $"it cannot be run: {Marshal.GetPInvokeErrorMessage(error)}", "");
        pipes.WriteInput(input); // to a hook that is gone already it only fails: the runtime ignores SIGPIPE
        return Follow(pid, pipes.Output, maxOutputBytes, timeoutSeconds, time, stop);
    }

    private static HookEnd Follow(int pid, int output, int maxOutputBytes, int timeoutSeconds, TimeProvider time, CancellationToken stop)
    {
        int process = Native.OpenProcess(pid);
        var printed = new MemoryStream();
        try
        {
            bool ended = process >= 0 && WaitForEnd(process, output, printed, maxOutputBytes, timeoutSeconds, time, stop);
            if (!ended)
                _ = Native.Kill(-pid, Native.SigKill);
            int status = Reap(pid);
            Drain(output, printed, maxOutputBytes);
            string text = Encoding.UTF8.GetString(printed.GetBuffer(), 0, (int)printed.Length);
            return ended ? Judge(status, text) : new HookEnd(false, $"still running after {timeoutSeconds} s, killed", text);
        }
        finally
        {
            if (process >= 0)
                _ = Native.Close(process);
        }
    }

    /// <summary>False when the time is over or the daemon stops first. Output is read on the way, so that a chatty hook does not block.</summary>
    private static bool WaitForEnd(int process, int output, MemoryStream printed, int maxBytes, int timeoutSeconds, TimeProvider time, CancellationToken stop)
    {
        TimeSpan limit = TimeSpan.FromSeconds(timeoutSeconds);
        long start = time.GetTimestamp();
        Native.PollEntry[] entries =
        [
            new() { Descriptor = process, Events = Native.PollIn },
            new() { Descriptor = output, Events = Native.PollIn },
        ];
        while (true)
        {
            TimeSpan left = limit - time.GetElapsedTime(start);
            if (left <= TimeSpan.Zero || stop.IsCancellationRequested)
                return false;
            int wait = (int)Math.Ceiling(Math.Min(left.TotalMilliseconds, SliceMilliseconds));
            int ready = Native.Poll(entries, (nuint)entries.Length, wait);
            if (ready <= 0)
                continue;
            if (entries[0].Returned != 0)
                return true;
            if (entries[1].Returned != 0 && !Drain(output, printed, maxBytes))
                entries[1].Descriptor = -1; // it closed its output and goes on: poll passes over a negative descriptor
        }
    }

    /// <summary>Reads what is there, keeping the first bytes. False at the end of the stream.</summary>
    private static bool Drain(int output, MemoryStream printed, int maxBytes)
    {
        Span<byte> buffer = stackalloc byte[1024];
        // Bounded, so that a hook which prints without end cannot hold this loop past its time.
        for (int i = 0; i < 64; i++)
        {
            nint read = Native.Read(output, buffer, buffer.Length);
            if (read == 0)
                return false;
            if (read < 0)
                return true;
            printed.Write(buffer[..(int)Math.Min(read, maxBytes - printed.Length)]);
        }

        return true;
    }

    private static int Reap(int pid)
    {
        int status;
        while (Native.Wait(pid, out status, 0) < 0 && Marshal.GetLastPInvokeError() == 4 /* EINTR */)
        {
        }

        return status;
    }

    private static HookEnd Judge(int status, string output)
    {
        int signal = status & 0x7f;
        int code = (status >> 8) & 0xff;
        if (signal != 0)
            return new HookEnd(false, $"ended by signal {signal}", output);
        return code == 0 ? new HookEnd(true, "", output) : new HookEnd(false, $"exit code {code}", output);
    }
}
