using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Qwamos.ControlBus.Hosting.Running;

/// <summary>Tells the service manager how the daemon is, by the sd_notify protocol (sd_notify(3)); silent when nobody asked.</summary>
public sealed class ServiceNotifier(string? socketPath)
{
    /// <summary>Signs of life within the time after which the manager gives a daemon up.</summary>
    private const int BeatsPerTimeout = 3;

    /// <summary>The notifier of the environment this process was started with.</summary>
    public static ServiceNotifier FromEnvironment() => new(Environment.GetEnvironmentVariable("NOTIFY_SOCKET"));

    /// <summary>How often the manager's watchdog is to be told <see cref="Alive"/> (sd_watchdog_enabled(3)); null when there is none for this process.</summary>
    public static TimeSpan? WatchdogInterval() => WatchdogInterval(
        Environment.GetEnvironmentVariable("WATCHDOG_USEC"), Environment.GetEnvironmentVariable("WATCHDOG_PID"));

    internal static TimeSpan? WatchdogInterval(string? microseconds, string? pid)
    {
        if (pid is not null && pid != Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
            return null;
        return uint.TryParse(microseconds, NumberStyles.None, CultureInfo.InvariantCulture, out uint timeout) && timeout > 0
            ? TimeSpan.FromMicroseconds(timeout / BeatsPerTimeout)
            : null;
    }

    public void Ready() => Send("READY=1");

    public void Stopping() => Send("STOPPING=1");

    public void Alive() => Send("WATCHDOG=1");

    private void Send(string state)
    {
        if (string.IsNullOrEmpty(socketPath))
            return;
        // A path that begins with @ is in the abstract namespace, which .NET spells with a leading NUL.
        string path = socketPath[0] == '@' ? "\0" + socketPath[1..] : socketPath;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.SendTo(Encoding.UTF8.GetBytes(state), new UnixDomainSocketEndPoint(path));
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            // A manager that cannot be told must not stop the daemon; it will notice by its own timeout.
        }
    }
}
