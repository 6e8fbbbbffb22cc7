using System.Globalization;

namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>What systemd says that it handed over (sd_listen_fds_with_names(3)): descriptors from <paramref name="First"/> on, each with a name.</summary>
internal sealed record HandedSockets(int First, IReadOnlyList<string> Names)
{
    /// <summary>The name of the socket for metrics: <c>FileDescriptorName=</c> in its unit. Every other is the bus's.</summary>
    public const string Metrics = "metrics";

    /// <summary>SD_LISTEN_FDS_START.</summary>
    private const int FirstDescriptor = 3;

    /// <summary>More were handed over by no unit of ours.</summary>
    private const int Most = 16;

    public int Count => Names.Count;

    /// <summary>What this process's environment says.</summary>
    public static HandedSockets Read() => Read(
        Environment.GetEnvironmentVariable("LISTEN_PID"), Environment.GetEnvironmentVariable("LISTEN_FDS"), Environment.GetEnvironmentVariable("LISTEN_FDNAMES"));

    /// <summary>None, where the variables are for another process, which this one inherited them from.</summary>
    internal static HandedSockets Read(string? pid, string? count, string? names, int first = FirstDescriptor)
    {
        if (pid != Environment.ProcessId.ToString(CultureInfo.InvariantCulture) || !int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            return new HandedSockets(first, []);
        string[] given = names?.Split(':') ?? [];
        return new HandedSockets(first, [.. Enumerable.Range(0, Math.Min(number, Most)).Select(index => index < given.Length ? given[index] : "")]);
    }

    public IEnumerable<int> Descriptors(Predicate<string> isMeant) => Enumerable.Range(0, Count).Where(index => isMeant(Names[index])).Select(index => First + index);
}
