using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace Qwamos.Load;

/// <summary>Drives one daemon. Clients are threads with blocking sockets: the cheapest load there is, so that the daemon has the cores.</summary>
internal sealed class LoadRun(string path, byte[][] requests, int clients, TimeSpan limit)
{
    private const int WindowRequests = 64;
    private const int MaxAnswerBytes = 65_536;

    private readonly Lock _gate = new();
    private readonly List<TimeSpan> _latencies = [];
    private string _firstRefusal = "";
    private int _next = -1;
    private int _refused;

    /// <summary>Each request over a connection of its own: connect, send, read the answer, close.</summary>
    public LoadResult OneRequestAConnection() => Run(OneByOne);

    /// <summary>One connection a client, as many requests unanswered as the wire allows.</summary>
    public LoadResult Pipelined() => Run(InWindows);

    private LoadResult Run(Action<Stopwatch> client)
    {
        var clock = Stopwatch.StartNew();
        Thread[] threads = [.. Enumerable.Range(0, clients).Select(_ => new Thread(() => client(clock)))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        return new LoadResult(_latencies.Count, _refused, _firstRefusal, clock.Elapsed, [.. _latencies]);
    }

    private bool TryTake(Stopwatch clock, out byte[] request)
    {
        int index = clock.Elapsed < limit ? Interlocked.Increment(ref _next) : requests.Length;
        request = index < requests.Length ? requests[index] : [];
        return index < requests.Length;
    }

    private void OneByOne(Stopwatch clock)
    {
        var buffer = new byte[MaxAnswerBytes];
        var latencies = new List<TimeSpan>();
        while (TryTake(clock, out byte[] request))
        {
            TimeSpan start = clock.Elapsed;
            using Socket socket = Connect();
            socket.Send(request);
            int length = 0, read;
            do
            {
                read = socket.Receive(buffer.AsSpan(length));
                length += read;
            }
            while (read > 0 && buffer[length - 1] != '\n');
            latencies.Add(clock.Elapsed - start);
            Judge(buffer.AsSpan(0, length));
        }

        Keep(latencies);
    }

    private void InWindows(Stopwatch clock)
    {
        using Socket socket = Connect();
        using var reader = new StreamReader(new NetworkStream(socket), Encoding.UTF8, false, MaxAnswerBytes);
        var latencies = new List<TimeSpan>();
        var sent = new Queue<TimeSpan>();
        bool more = true;
        while (more || sent.Count > 0)
        {
            // Refill by halves: a write for each answer would measure the client's system calls.
            if (more && sent.Count <= WindowRequests / 2)
            {
                var batch = new List<byte>();
                while (sent.Count < WindowRequests && (more = TryTake(clock, out byte[] request)))
                {
                    batch.AddRange(request);
                    sent.Enqueue(clock.Elapsed);
                }

                socket.Send(batch.ToArray());
            }

            if (sent.Count == 0)
                break;
            string line = reader.ReadLine() ?? throw new EndOfStreamException("the daemon closed the connection");
            latencies.Add(clock.Elapsed - sent.Dequeue());
            Judge(Encoding.UTF8.GetBytes(line));
        }

        Keep(latencies);
    }

    private Socket Connect()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        return socket;
    }

    private void Judge(ReadOnlySpan<byte> answer)
    {
        // Both designs' answers; the old one writes a space after the colon.
        if (answer.IndexOf("\"status\":\"ok\""u8) >= 0 || answer.IndexOf("\"status\": \"ok\""u8) >= 0)
            return;
        lock (_gate)
        {
            if (_refused++ == 0)
                _firstRefusal = Encoding.UTF8.GetString(answer);
        }
    }

    private void Keep(List<TimeSpan> latencies)
    {
        lock (_gate)
            _latencies.AddRange(latencies);
    }
}
