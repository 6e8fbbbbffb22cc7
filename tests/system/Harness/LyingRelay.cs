using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Qwamos.SystemTests.Harness;

/// <summary>
/// Stands between the courier and a real gateway, as whoever took over an end of a link may: it can keep a delivery back and answer in the domain's place, and from then on has the
/// numbers fit on both sides. It passes on all else.
/// </summary>
internal sealed class LyingRelay : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly ConcurrentBag<Socket> _sockets = [];
    private readonly string _gateway;
    private volatile bool _isSwallowing;
    private int _swallowed;
    private long _lastIndex = -1;

    public LyingRelay(string path, string gateway)
    {
        _gateway = gateway;
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(16);
        new Thread(Accept) { IsBackground = true }.Start();
    }

    /// <summary>Whether the next delivery is kept back.</summary>
    public bool Swallows
    {
        get => _isSwallowing;
        set => _isSwallowing = value;
    }

    /// <summary>Deliveries that were kept back.</summary>
    public int Swallowed => Volatile.Read(ref _swallowed);

    public void Dispose()
    {
        _listener.Dispose();
        foreach (Socket socket in _sockets)
            socket.Dispose();
    }

    private void Accept()
    {
        try
        {
            while (true)
            {
                Socket courier = _listener.Accept();
                var gateway = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                _sockets.Add(courier);
                _sockets.Add(gateway);
                gateway.Connect(new UnixDomainSocketEndPoint(_gateway));
                var answers = new ConcurrentQueue<Func<string, string>>();
                new Thread(() => Relay(courier, gateway, line => Ask(line, answers))) { IsBackground = true }.Start();
                new Thread(() => Relay(gateway, courier, line => answers.TryDequeue(out Func<string, string>? change) ? change(line) : line)) { IsBackground = true }.Start();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private static void Relay(Socket from, Socket to, Func<string, string> change)
    {
        try
        {
            using var reader = new StreamReader(new NetworkStream(from));
            while (reader.ReadLine() is { } line)
                to.Send(Encoding.UTF8.GetBytes(change(line) + "\n"));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            // One end has closed.
        }

        from.Dispose();
        to.Dispose();
    }

    /// <summary>What the gateway is asked, and what becomes of its answer: answers come in the order of the requests.</summary>
    private string Ask(string line, ConcurrentQueue<Func<string, string>> answers)
    {
        JsonObject message = JsonNode.Parse(line)!["msg"]!.AsObject();
        string command = (string)message["command"]!;
        if (command == "deliver" && _isSwallowing)
        {
            _isSwallowing = false;
            _lastIndex = (long)message["args"]!["index"]!;
            Interlocked.Increment(ref _swallowed);
            answers.Enqueue(_ => """{"status":"ok","outcome":"accepted"}""");
            return """{"msg":{"command":"get_cursor"}}""";
        }

        answers.Enqueue(answer => command == "get_cursor" ? Cursor(answer) : answer);
        // What comes late has no number.
        if (command == "deliver" && (long)message["args"]!["seq"]! > 0)
            message["args"]!["seq"] = (long)message["args"]!["seq"]! - _swallowed;
        return $$"""{"msg":{{message.ToJsonString()}}}""";
    }

    private string Cursor(string line)
    {
        JsonObject answer = JsonNode.Parse(line)!.AsObject();
        answer["seq"] = (long)answer["seq"]! + _swallowed;
        answer["index"] = Math.Max((long)answer["index"]!, _lastIndex);
        return answer.ToJsonString();
    }
}
