using System.Net.Sockets;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Running;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// One envelope to one gateway over a connection of its own, and its answer. The gateway may be hostile: its bytes are bounded in
/// size and time, and parsed strictly; nothing it says can do more than fill its own row of the status.
/// </summary>
internal static class GatewayLink
{
    /// <summary>Time for all of it: connect, send, the whole answer.</summary>
    public const int AnswerTimeoutSeconds = 10;

    /// <exception cref="GatewayLinkException">The link failed, or what came back is no answer.</exception>
    public static async Task<AnswerReader> SendAsync(string socketPath, ReadOnlyMemory<byte> envelope, TimeProvider time, CancellationToken stop)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(AnswerTimeoutSeconds), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), either.Token).ConfigureAwait(false);
            byte[] request = [.. envelope.Span, (byte)'\n'];
            for (int sent = 0; sent < request.Length;)
                sent += await socket.SendAsync(request.AsMemory(sent), either.Token).ConfigureAwait(false);
            return Parse(await ReceiveAsync(socket, either.Token).ConfigureAwait(false));
        }
        catch (SocketException e)
        {
            throw new GatewayLinkException($"{SocketFaults.Describe(socketPath, e)}; does gateway-policyd run there?");
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new GatewayLinkException($"no answer within {AnswerTimeoutSeconds} s");
        }
        finally
        {
            // What the caller does next may wait for the ledger: not on a thread that reads the bus (ProcessSetup.ContinueOnSocketThreads).
            await Task.Yield();
        }
    }

    /// <summary>Up to a line feed or the end of the stream: a gateway of the old design closes without a line feed.</summary>
    private static async Task<ReadOnlyMemory<byte>> ReceiveAsync(Socket socket, CancellationToken stop)
    {
        var buffer = new byte[Limits.MaxAnswerBytes];
        int length = 0;
        while (length < buffer.Length)
        {
            int read = await socket.ReceiveAsync(buffer.AsMemory(length), stop).ConfigureAwait(false);
            int newline = buffer.AsSpan(length, read).IndexOf((byte)'\n');
            length += read;
            if (newline >= 0)
                return buffer.AsMemory(0, length - read + newline);
            if (read == 0)
                return buffer.AsMemory(0, length);
        }

        throw new GatewayLinkException($"its answer passes {Limits.MaxAnswerBytes} bytes");
    }

    private static AnswerReader Parse(ReadOnlyMemory<byte> line)
    {
        if (line.IsEmpty)
            throw new GatewayLinkException("it closed the connection without an answer");
        return AnswerReader.TryRead(line.Span, out AnswerReader? answer, out string? fault)
            ? answer
            : throw new GatewayLinkException("its answer cannot be read: " + fault);
    }
}
