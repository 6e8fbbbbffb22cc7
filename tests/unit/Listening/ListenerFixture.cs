using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Listening;
using Xunit;

namespace Qwamos.ControlBus.Tests.Listening;

/// <summary>A listener on a real socket under a temporary root, whose handler answers as the test says.</summary>
internal sealed class ListenerFixture : IAsyncDisposable, IRequestHandler
{
    private ListenerFixture(string root, SystemPaths paths)
    {
        Root = root;
        Paths = paths;
    }

    public string Root { get; }

    public SystemPaths Paths { get; }

    public ManualTime Time { get; } = new();

    public BusListener Listener { get; private set; } = null!;

    public BlockingCollection<(BusRequest Request, string Text)> Received { get; } = [];

    /// <summary>What is done with a request; by default it is answered with its own text.</summary>
    public Action<BusRequest, string> OnRequest { get; set; } = (request, text) => request.Answer(Encoding.UTF8.GetBytes(text + "\n"));

    public static async Task<ListenerFixture> StartAsync(int maxConnections = 1_000)
    {
        string root = Directory.CreateTempSubdirectory("qwl-").FullName;
        Assert.True(SystemPaths.TryCreate(root, out SystemPaths? paths, out string? error), error);
        TrialTree.MakeMissing(paths);
        var fixture = new ListenerFixture(root, paths);
        Assert.True(BusSocket.TryBind(paths.BusSocket, paths, null, out BusSocket? socket, out string? fault), fault);
        fixture.Listener = new BusListener(socket, fixture, fixture.Time, maxConnections);
        await fixture.Listener.StartAsync();
        return fixture;
    }

    public Socket Connect()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 20_000, SendTimeout = 20_000 };
        socket.Connect(new UnixDomainSocketEndPoint(Paths.BusSocket));
        return socket;
    }

    /// <summary>Lets time pass, and has the listener look each second, whatever its own thread does.</summary>
    public void Pass(int seconds)
    {
        for (int i = 0; i < seconds; i++)
        {
            Time.Advance(1);
            _ = Listener.Sweep();
        }
    }

    public void WaitForConnections(int count) => WaitFor(() => Listener.ConnectionCount == count, $"{count} connections");

    /// <summary>Waits until the listener has read so much of requests that have not ended.</summary>
    public void WaitForUnfinishedBytes(long bytes) => WaitFor(() => Listener.Shares.UnfinishedBytes(Posix.EffectiveUid) == bytes, $"{bytes} unfinished bytes");

    private static void WaitFor(Func<bool> condition, string what) =>
        Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(20)), $"the listener never had {what}");

    public void Handle(BusRequest request, ReadOnlyMemory<byte> frame)
    {
        string text = Encoding.UTF8.GetString(frame.Span);
        Received.Add((request, text));
        OnRequest(request, text);
    }

    public ReadOnlyMemory<byte> Refuse(FramingFault fault, string reason, PeerCredentials peer) => Encoding.UTF8.GetBytes($"{fault}\n");

    public async ValueTask DisposeAsync()
    {
        await Listener.DisposeAsync();
        Directory.Delete(Root, recursive: true);
    }
}
