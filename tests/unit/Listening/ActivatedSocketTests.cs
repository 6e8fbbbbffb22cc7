using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Qwamos.ControlBus.Hosting.Listening;
using Xunit;

namespace Qwamos.ControlBus.Tests.Listening;

/// <summary>ATTACKS 25, for a socket that the service manager made.</summary>
public sealed class ActivatedSocketTests : IDisposable
{
    private static readonly string Own = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);

    private readonly string _folder = Directory.CreateTempSubdirectory("qws-").FullName;

    private string Path => System.IO.Path.Combine(_folder, "bus.sock");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_listening_socket_at_the_path_is_taken_and_stays_when_it_is_closed()
    {
        using Socket listener = Listener(Path);
        Assert.True(Take(Duplicate(listener), out Socket? taken, out string? fault), fault);
        using (Socket client = Unix())
        {
            client.Connect(new UnixDomainSocketEndPoint(Path));
            using Socket accepted = taken!.Accept();
            Assert.True(accepted.Connected);
        }
        taken.Dispose();
        Assert.True(File.Exists(Path));
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("1", "1")]
    [InlineData("", "1")]
    public void Variables_for_another_process_give_none(string? pid, string? count)
    {
        Assert.True(ActivatedSocket.TryTake(Path, HandedSockets.Read(pid, count, null), out Socket? socket, out _));
        Assert.Null(socket);
        Assert.True(ActivatedSocket.TryTakeMetrics(HandedSockets.Read(pid, count, "metrics"), out socket, out _));
        Assert.Null(socket);
    }

    [Theory]
    [InlineData("2", null)]
    [InlineData("2", "qwamosd.socket:other.socket")]
    [InlineData("3", "metrics:metrics:x:y")]
    [InlineData("999999999", "")]
    public void Attack25_other_sockets_than_one_for_the_bus_are_refused(string count, string? names)
    {
        bool both = ActivatedSocket.TryTake(Path, HandedSockets.Read(Own, count, names), out _, out string? fault)
            && ActivatedSocket.TryTakeMetrics(HandedSockets.Read(Own, count, names), out _, out fault);
        Assert.False(both);
        Assert.Contains("ListenStream=", fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("x")]
    [InlineData("-1")]
    [InlineData("0")]
    public void Variables_that_name_no_socket_give_none(string count)
    {
        Assert.True(ActivatedSocket.TryTake(Path, HandedSockets.Read(Own, count, null), out Socket? socket, out _));
        Assert.Null(socket);
    }

    [Fact]
    public void The_one_for_metrics_is_found_by_its_name_and_is_this_machines_alone()
    {
        using Socket unix = Listener(Path);
        using Socket loopback = Listener(IPAddress.Loopback);
        using Socket everywhere = Listener(IPAddress.Any);
        Assert.True(TakeMetrics(Duplicate(unix), out Socket? taken, out string? fault), fault);
        taken!.Dispose();
        Assert.True(TakeMetrics(Duplicate(loopback), out taken, out fault), fault);
        taken!.Dispose();
        Assert.False(TakeMetrics(Duplicate(everywhere), out _, out fault));
        Assert.Contains("can be reached from other machines", fault, StringComparison.Ordinal);
        using var deaf = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        deaf.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Assert.False(TakeMetrics(Duplicate(deaf), out _, out fault));
        Assert.Contains("is no stream socket that listens", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack25_a_socket_that_does_not_listen_is_refused()
    {
        using Socket bound = Unix();
        bound.Bind(new UnixDomainSocketEndPoint(Path));
        Refused(bound, "does not listen");
    }

    [Fact]
    public void Attack25_a_socket_of_another_path_is_refused()
    {
        using Socket listener = Listener(Path + "2");
        Refused(listener, "is that of " + Path + "2");
    }

    [Fact]
    public void Attack25_a_socket_whose_path_was_taken_away_is_refused()
    {
        using Socket listener = Listener(Path);
        File.Delete(Path);
        Refused(listener, "is not at its path any more");
    }

    [Fact]
    public void Attack25_a_socket_that_is_open_to_everybody_is_refused()
    {
        using Socket listener = Listener(Path);
        File.SetUnixFileMode(Path, (UnixFileMode)0x1B6); // 0666
        Refused(listener, "is open to everybody");
    }

    [Fact]
    public void Attack25_a_socket_of_the_network_is_refused()
    {
        using Socket listener = Listener(IPAddress.Loopback);
        Refused(listener, "is no Unix stream socket");
    }

    [Fact]
    public void Attack25_a_file_is_refused()
    {
        using FileStream file = File.Create(Path);
        Assert.False(Take(Duplicate(file.SafeFileHandle.DangerousGetHandle()), out _, out string? fault));
        Assert.Contains("is no Unix stream socket", fault, StringComparison.Ordinal);
    }

    private void Refused(Socket socket, string why)
    {
        Assert.False(Take(Duplicate(socket), out _, out string? fault));
        Assert.Contains(why, fault, StringComparison.Ordinal);
    }

    private bool Take(int descriptor, out Socket? taken, out string? fault) => ActivatedSocket.TryTake(Path, HandedSockets.Read(Own, "1", null, descriptor), out taken, out fault);

    private static bool TakeMetrics(int descriptor, out Socket? taken, out string? fault) =>
        ActivatedSocket.TryTakeMetrics(HandedSockets.Read(Own, "2", "qwamosd.socket:metrics", descriptor - 1), out taken, out fault);

    private static Socket Unix() => new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    private static Socket Listener(string path)
    {
        Socket listener = Unix();
        listener.Bind(new UnixDomainSocketEndPoint(path));
        File.SetUnixFileMode(path, (UnixFileMode)0x1B0); // 0660
        listener.Listen();
        return listener;
    }

    private static Socket Listener(IPAddress address)
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(address, 0));
        listener.Listen();
        return listener;
    }

    private static int Duplicate(Socket socket) => Duplicate(socket.Handle);

    private static int Duplicate(nint descriptor) => dup((int)descriptor);

    [System.Runtime.InteropServices.DllImport("libc")]
#pragma warning disable SYSLIB1054, IDE1006 // a test's one call
    private static extern int dup(int descriptor);
#pragma warning restore SYSLIB1054, IDE1006
}
