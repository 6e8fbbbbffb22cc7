using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Qwamos.ControlBus;

namespace Qwamos.Daemon.Measuring;

/// <summary>
/// Shows the metrics to whoever may connect to the socket that systemd made for them: <c>GET /metrics</c> by HTTP/1.1 (RFC 9112), one request a
/// connection, and nothing else. A web server's code would be most of this daemon. It answers <see cref="Places"/> at a time, reads no
/// body, and gives nobody longer than <see cref="Patience"/>.
/// </summary>
internal sealed class MetricsServer(Socket socket, BusMetrics metrics) : IAsyncDisposable
{
    /// <summary>
    /// So many that who connects and says nothing keeps others out only with more than a hundred connections a second, and so few that they leave the
    /// ledger most of the files that are kept free beside the bus's connections (ProcessSetup).
    /// </summary>
    private const int Places = 64;
    private const int MaxUnreadBytes = 65_536;
    private const string EndOfHead = "\r\n\r\n";
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    private readonly CancellationTokenSource _stop = new();
    private Task _serving = Task.CompletedTask;

    public void Start() => _serving = ServeAsync();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        socket.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        var places = new SemaphoreSlim(Places, Places);
        try
        {
            while (true)
            {
                await places.WaitAsync(_stop.Token);
                if (await AcceptAsync() is { } client)
                    _ = AnswerInTimeAsync(client, places);
                else
                    places.Release();
            }
        }
        catch (OperationCanceledException)
        {
            // Who is being answered now may be cut off.
        }
    }

    /// <summary>The next one; null when there was no file for it, which is a reason to wait.</summary>
    private async Task<Socket?> AcceptAsync()
    {
        try
        {
            return await socket.AcceptAsync(_stop.Token);
        }
        catch (SocketException)
        {
            await Task.Delay(Patience, TimeProvider.System, _stop.Token);
            return null;
        }
    }

    private async Task AnswerInTimeAsync(Socket client, SemaphoreSlim places)
    {
        try
        {
            using Socket mine = client;
            using var patience = new CancellationTokenSource(Patience);
            await AnswerAsync(mine, patience.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or IOException)
        {
            // Who went away or was too slow gets nothing more.
        }
        finally
        {
            places.Release();
        }
    }

    private async Task AnswerAsync(Socket client, CancellationToken patience)
    {
        await using var stream = new NetworkStream(client);
        string[]? request = await ReadHeadAsync(stream, patience);
        // Collecting takes a while: not on a thread that reads the bus (ProcessSetup.ContinueOnSocketThreads).
        await Task.Yield();
        byte[] answer = request switch
        {
            null => Answer("431 Request Header Fields Too Large", ""),
            ["GET", "/metrics", "HTTP/1.0" or "HTTP/1.1"] => Answer("200 OK", await metrics.TextAsync(patience)),
            ["GET", _, "HTTP/1.0" or "HTTP/1.1"] => Answer("404 Not Found", "see /metrics\n"),
            [_, _, "HTTP/1.0" or "HTTP/1.1"] => Answer("405 Method Not Allowed", "", "Allow: GET\r\n"),
            _ => Answer("400 Bad Request", ""),
        };
        await stream.WriteAsync(answer, patience);
        // What was sent and not read would take the answer with it when the connection is closed.
        client.Shutdown(SocketShutdown.Send);
        byte[] rest = new byte[Limits.MaxMetricsHeadBytes];
        for (int read = 1, all = 0; read > 0 && all < MaxUnreadBytes; all += read)
            read = await stream.ReadAsync(rest, patience);
    }

    /// <summary>The words of the request line, once the whole head is there; null when it is too long.</summary>
    private static async Task<string[]?> ReadHeadAsync(NetworkStream stream, CancellationToken patience)
    {
        byte[] head = new byte[Limits.MaxMetricsHeadBytes];
        int length = 0;
        while (length < head.Length)
        {
            int read = await stream.ReadAsync(head.AsMemory(length), patience);
            length += read;
            string text = Encoding.ASCII.GetString(head, 0, length);
            int end = text.IndexOf("\r\n", StringComparison.Ordinal);
            if (read == 0 || text.Contains(EndOfHead, StringComparison.Ordinal))
                return text[..Math.Max(end, 0)].Split(' ');
        }
        return null;
    }

    private static byte[] Answer(string status, string body, string headers = "") => Encoding.UTF8.GetBytes(string.Create(
        CultureInfo.InvariantCulture,
        $"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n{headers}Connection: close{EndOfHead}{body}"));
}
