using System.Globalization;
using System.Runtime.InteropServices;

namespace Qwamos.Load;

/// <summary>The processor time of another process.</summary>
internal static partial class ServerCpu
{
    private const int ClockTicksName = 2;
    private const int UserTimeField = 11;

    /// <summary>User and system time of all its threads, in steps of 10 ms; nothing for process 0.</summary>
    public static TimeSpan Of(int pid)
    {
        if (pid == 0)
            return TimeSpan.Zero;
        string line = File.ReadAllText($"/proc/{pid}/stat");
        // The name before it, in parentheses, can hold anything.
        string[] fields = line[(line.LastIndexOf(')') + 2)..].Split(' ');
        long ticks = long.Parse(fields[UserTimeField], CultureInfo.InvariantCulture) + long.Parse(fields[UserTimeField + 1], CultureInfo.InvariantCulture);
        return TimeSpan.FromSeconds((double)ticks / SystemConfiguration(ClockTicksName));
    }

    [LibraryImport("libc", EntryPoint = "sysconf")]
    private static partial long SystemConfiguration(int name);
}
