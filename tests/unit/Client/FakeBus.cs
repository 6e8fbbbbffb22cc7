using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;

namespace Qwamos.ControlBus.Tests.Client;

/// <summary>Something that listens where a daemon would, keeps what it is sent, and answers as a test says.</summary>
internal sealed class FakeBus : IDisposable
{
    private readonly Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Channel<string> requests = Channel.CreateUnbounded<string>();
    private readonly Channel<string> questions = Channel.CreateUnbounded<string>();
    private readonly Task serving;

    /// <param name="path">Where to listen.</param>
    /// <param name="answer">Gives the bytes to answer a request with; null keeps silent until the client hangs up.</param>
    public FakeBus(string path, Func<string, byte[]?> answer)
    {
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(16);
        serving = Task.Run(() => ServeAsync(answer));
    }

    public FakeBus(string path, string answerLine)
        : this(path, _ => Encoding.UTF8.GetBytes(answerLine + "\n"))
    {
    }

    /// <summary>What it says to the question for the base of a change; as one that knows none, unless a test says otherwise.</summary>
    public Func<string> Base { get; set; } = () => """{"status":"ok","base":{}}""";

    /// <summary>What was received so far, a request an item, but for <see cref="Questions"/>.</summary>
    public List<string> Received => Taken(requests);

    /// <summary>The questions for the base of a change that were received so far.</summary>
    public List<string> Questions => Taken(questions);

    private static List<string> Taken(Channel<string> from)
    {
        List<string> all = [];
        while (from.Reader.TryRead(out var request))
            all.Add(request);
        return all;
    }

    public void Dispose()
    {
        listener.Dispose();
        serving.Wait();
    }

    private async Task ServeAsync(Func<string, byte[]?> answer)
    {
        while (true)
        {
            Socket connection;
            try
            {
                connection = await listener.AcceptAsync();
            }
            catch (SocketException)
            {
                return;
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            using (connection)
                await ServeOneAsync(connection, answer);
        }
    }

    private async Task ServeOneAsync(Socket connection, Func<string, byte[]?> answer)
    {
        var buffer = new byte[Limits.MaxRequestBytes];
        var length = await connection.ReceiveAsync(buffer);
        var request = Encoding.UTF8.GetString(buffer, 0, length);
        var isForBase = request.Contains("\"args\":{\"base\":true}", StringComparison.Ordinal);
        (isForBase ? questions : requests).Writer.TryWrite(request);
        try
        {
            if ((isForBase ? Encoding.UTF8.GetBytes(Base() + "\n") : answer(request)) is { } bytes)
                await connection.SendAsync(bytes);
            else
                await connection.ReceiveAsync(buffer);
        }
        catch (SocketException)
        {
            // The client had read enough.
        }
    }
}
