using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Qwamos.ControlBus.Hosting.Linking;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Tests.Listening;
using Qwamos.Daemon.Delivery;
using Qwamos.Gateway.Linking;
using Xunit;

namespace Qwamos.ControlBus.Tests.Linking;

/// <summary>Both sides of a link that has no connections of its own, with a real listener behind it. The port is a pair of sockets.</summary>
public sealed class VirtioPortTests : IAsyncLifetime
{
    private static readonly CancellationToken Never = CancellationToken.None;

    private readonly Stream _host;
    private readonly Stream _device;
    private ListenerFixture _bus = null!;
    private VirtioPort _port = null!;

    public VirtioPortTests()
    {
        (Socket host, Socket device) = SocketPair.Create();
        host.ReceiveTimeout = 20_000;
        (_host, _device) = (new NetworkStream(host, ownsSocket: true), new NetworkStream(device, ownsSocket: true));
    }

    public async ValueTask InitializeAsync()
    {
        _bus = await ListenerFixture.StartAsync();
        _port = new VirtioPort("/dev/test", () => _device, _bus.Listener.Connect, new Qwamos.Gateway.LogMessages(NullLogger.Instance));
        _port.Start();
    }

    public async ValueTask DisposeAsync()
    {
        _port.Dispose();
        await _host.DisposeAsync();
        await _bus.DisposeAsync();
    }

    [Fact]
    public async Task A_session_carries_requests_and_answers_from_nobodys_uid()
    {
        FramedStream session = await FramedStream.BeginAsync(_host, Never);
        string large = $"{{\"a\":\"{new string('x', 3 * LinkFrame.MaxPayloadBytes)}\"}}";
        Assert.Equal(large, await AskAsync(session, large));
        Assert.Equal("""{"b":1}""", await AskAsync(session, """{"b":1}"""));
        Assert.All(_bus.Received, received => Assert.Equal(PeerCredentials.OverLink, received.Request.Peer));
    }

    [Fact]
    public async Task Attack23_half_a_message_is_dropped_with_its_session_and_the_next_is_served()
    {
        FramedStream first = await FramedStream.BeginAsync(_host, Never);
        await first.WriteAsync("""{"half":"""u8.ToArray(), Never);
        _bus.WaitForConnections(1);
        // The last bytes are a frame's beginning, cut off as a link that breaks cuts it.
        byte[] cut = new LinkFrame(LinkFrameKind.Data, new string('0', LinkFrame.SessionChars), new byte[100]).Write();
        await _host.WriteAsync(cut.AsMemory(0, 40), Never);
        FramedStream second = await FramedStream.BeginAsync(_host, Never);
        Assert.Equal("""{"whole":1}""", await AskAsync(second, """{"whole":1}"""));
        _bus.WaitForConnections(1);
        Assert.DoesNotContain(_bus.Received, received => received.Text.Contains("half", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_answer_of_an_earlier_session_never_reaches_the_next()
    {
        var late = new TaskCompletionSource<BusRequest>();
        _bus.OnRequest = (request, text) =>
        {
            if (text.Contains("late", StringComparison.Ordinal))
                late.SetResult(request);
            else
                request.Answer(Encoding.UTF8.GetBytes(text + "\n"));
        };
        FramedStream first = await FramedStream.BeginAsync(_host, Never);
        await first.WriteAsync("""{"late":1}"""u8.ToArray(), Never);
        BusRequest waiting = await late.Task;
        FramedStream second = await FramedStream.BeginAsync(_host, Never);
        waiting.Answer("""{"old":1}"""u8.ToArray());
        Assert.Equal("""{"new":1}""", await AskAsync(second, """{"new":1}"""));
    }

    [Fact]
    public async Task Attack20_garbage_before_and_in_a_session_is_passed_over()
    {
        byte[] garbage = [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i * 31 % 255))];
        await _host.WriteAsync(garbage, Never);
        FramedStream session = await FramedStream.BeginAsync(_host, Never);
        Assert.Equal("""{"a":1}""", await AskAsync(session, """{"a":1}"""));
        await _host.WriteAsync(garbage, Never);
        Assert.Equal("""{"a":2}""", await AskAsync(session, """{"a":2}"""));
    }

    [Fact]
    public async Task Data_of_a_session_that_nobody_began_is_answered_with_its_end()
    {
        await _host.WriteAsync(new LinkFrame(LinkFrameKind.Data, new string('a', LinkFrame.SessionChars), "{}"u8.ToArray()).Write(), Never);
        byte[] end = [.. new LinkFrame(LinkFrameKind.End, LinkFrame.EverySession, default).Write(), .. new LinkFrame(LinkFrameKind.End, new string('a', LinkFrame.SessionChars), default).Write()];
        byte[] read = new byte[end.Length];
        await _host.ReadExactlyAsync(read, Never);
        Assert.Equal(end, read);
    }

    [Fact]
    public async Task A_daemon_that_starts_again_behind_an_open_link_ends_its_session()
    {
        (Socket host, Socket vm) = SocketPair.Create();
        using var near = new NetworkStream(host, ownsSocket: true);
        using var far = new NetworkStream(vm, ownsSocket: true);
        Task<FramedStream> beginning = FramedStream.BeginAsync(near, Never);
        byte[] hello = new byte[LinkFrame.HeaderBytes + LinkFrame.Version.Length];
        await far.ReadExactlyAsync(hello, Never);
        // Before the welcome it was of an earlier start.
        await far.WriteAsync(new LinkFrame(LinkFrameKind.End, LinkFrame.EverySession, default).Write(), Never);
        await far.WriteAsync(new LinkFrame(LinkFrameKind.Welcome, Encoding.ASCII.GetString(hello, 2, LinkFrame.SessionChars), default).Write(), Never);
        FramedStream session = await beginning;
        await far.WriteAsync(new LinkFrame(LinkFrameKind.End, LinkFrame.EverySession, default).Write(), Never);
        Assert.Equal(0, await session.ReadAsync(new byte[1], Never));
    }

    [Fact]
    public async Task A_connection_that_the_listener_closes_ends_the_session()
    {
        _bus.OnRequest = (request, _) => request.AnswerAndClose("{}\n"u8.ToArray());
        FramedStream session = await FramedStream.BeginAsync(_host, Never);
        Assert.Equal("{}", await AskAsync(session, """{"a":1}"""));
        Assert.Equal(0, await session.ReadAsync(new byte[1], Never));
    }

    [Fact]
    public async Task Attack24_a_vm_that_sends_without_end_and_begins_no_session_is_given_up()
    {
        (Socket host, Socket vm) = SocketPair.Create();
        using var near = new NetworkStream(host, ownsSocket: true);
        using var far = new NetworkStream(vm, ownsSocket: true);
        Task flood = FloodAsync(far);
        IOException e = await Assert.ThrowsAsync<IOException>(() => FramedStream.BeginAsync(near, Never));
        Assert.Contains("no session", e.Message, StringComparison.Ordinal);
        near.Dispose();
        await flood;
    }

    [Theory]
    [InlineData(LinkFrameKind.Welcome, "say nothing in it")]
    [InlineData(LinkFrameKind.Hello, "say nothing in it")]
    [InlineData(LinkFrameKind.Data, "has none")]
    public async Task Attack24_a_vm_that_says_nothing_in_its_session_without_end_is_given_up(LinkFrameKind kind, string fault)
    {
        (Socket host, Socket vm) = SocketPair.Create();
        using var near = new NetworkStream(host, ownsSocket: true);
        using var far = new NetworkStream(vm, ownsSocket: true);
        Task<FramedStream> beginning = FramedStream.BeginAsync(near, Never);
        byte[] hello = new byte[LinkFrame.HeaderBytes + LinkFrame.Version.Length];
        await far.ReadExactlyAsync(hello, Never);
        string own = Encoding.ASCII.GetString(hello, 2, LinkFrame.SessionChars);
        await far.WriteAsync(new LinkFrame(LinkFrameKind.Welcome, own, default).Write(), Never);
        FramedStream session = await beginning;
        Task flood = FloodAsync(far, new LinkFrame(kind, own, default));
        IOException e = await Assert.ThrowsAsync<IOException>(() => session.ReadAsync(new byte[1], Never).AsTask());
        Assert.Contains(fault, e.Message, StringComparison.Ordinal);
        near.Dispose();
        await flood;
    }

    private static Task FloodAsync(NetworkStream link) => FloodAsync(link, new LinkFrame(LinkFrameKind.Data, new string('b', LinkFrame.SessionChars), new byte[4_000]));

    private static async Task FloodAsync(NetworkStream link, LinkFrame what)
    {
        byte[] frame = what.Write();
        try
        {
            while (true)
                await link.WriteAsync(frame, Never);
        }
        catch (IOException)
        {
            // Given up by the other side.
        }
    }

    private static async Task<string> AskAsync(FramedStream session, string request)
    {
        await session.WriteAsync(Encoding.UTF8.GetBytes(request), Never);
        var line = new List<byte>();
        byte[] one = new byte[1];
        while (await session.ReadAsync(one, Never) == 1 && one[0] != '\n')
            line.Add(one[0]);
        return Encoding.UTF8.GetString([.. line]);
    }
}
