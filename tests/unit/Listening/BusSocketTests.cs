using System.Net.Sockets;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Listening;
using Xunit;

namespace Qwamos.ControlBus.Tests.Listening;

public sealed class BusSocketTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("qws-").FullName;
    private readonly SystemPaths _paths;

    public BusSocketTests()
    {
        Assert.True(SystemPaths.TryCreate(_root, out SystemPaths? paths, out _));
        _paths = paths;
        TrialTree.MakeMissing(paths);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Attack25_a_bound_socket_has_its_mode_and_does_not_listen_yet()
    {
        using BusSocket bound = Bind();
        FileStat stat = Posix.Stat(_paths.BusSocket);
        Assert.Equal(FileKind.Socket, stat.Kind);
        Assert.Equal((UnixFileMode)0x1B0, stat.Mode); // 0660
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Assert.Throws<SocketException>(() => client.Connect(new UnixDomainSocketEndPoint(_paths.BusSocket)));
    }

    [Fact]
    public void Attack25_a_second_daemon_is_refused_and_leaves_the_first_alone()
    {
        using BusSocket first = Bind();
        ulong inode = Posix.Stat(_paths.BusSocket).Inode;
        Assert.Contains("another daemon", Fault(), StringComparison.Ordinal);
        Assert.Equal(inode, Posix.Stat(_paths.BusSocket).Inode);
    }

    [Fact]
    public void Attack25_a_dead_daemons_socket_is_replaced()
    {
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(_paths.BusSocket));
            File.Move(_paths.BusSocket, _paths.BusSocket + ".kept");
        }
        File.Move(_paths.BusSocket + ".kept", _paths.BusSocket);
        Assert.Equal(FileKind.Socket, Posix.Stat(_paths.BusSocket).Kind);
        using BusSocket bound = Bind();
        Assert.Equal((UnixFileMode)0x1B0, Posix.Stat(_paths.BusSocket).Mode);
    }

    [Theory]
    [InlineData("file")]
    [InlineData("directory")]
    [InlineData("link")]
    public void Attack25_a_squatted_path_is_refused_and_left_alone(string squatter)
    {
        string path = _paths.BusSocket;
        if (squatter == "file")
            File.WriteAllText(path, "x");
        else if (squatter == "directory")
            Directory.CreateDirectory(path);
        else
            File.CreateSymbolicLink(path, "/nowhere");
        Assert.Contains("not a socket", Fault(), StringComparison.Ordinal);
        Assert.True(Posix.TryStat(path, out _));
    }

    [Fact]
    public void Attack27_a_run_directory_that_others_may_write_is_refused()
    {
        File.SetUnixFileMode(_paths.RunDir, (UnixFileMode)0x1FF);
        Assert.Contains("writable by others", Fault(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_over_107_bytes_is_a_clear_error()
    {
        string path = _paths.RunDir + "/" + new string('s', 120);
        Assert.False(BusSocket.TryBind(path, _paths, null, out _, out string? fault));
        Assert.Contains("107", fault, StringComparison.Ordinal);
    }

    private BusSocket Bind()
    {
        Assert.True(BusSocket.TryBind(_paths.BusSocket, _paths, null, out BusSocket? socket, out string? fault), fault);
        return socket;
    }

    private string Fault()
    {
        Assert.False(BusSocket.TryBind(_paths.BusSocket, _paths, null, out _, out string? fault));
        return fault!;
    }
}
