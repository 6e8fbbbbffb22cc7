using System.Net.Sockets;
using System.Text;

namespace Qwamos.ControlBus.Hosting.Running;

/// <summary>Tells the service manager how the daemon is, by the sd_notify protocol (sd_notify(3)); silent when nobody asked.</summary>
public sealed class ServiceNotifier(string? socketPath)
{
    /// <summary>The notifier of the environment this process was started with.</summary>
    public static ServiceNotifier FromEnvironment() => new(Environment.GetEnvironmentVariable("NOTIFY_SOCKET"));

    public void Ready() => Send("READY=1");

    public void Stopping() => Send("STOPPING=1");

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
