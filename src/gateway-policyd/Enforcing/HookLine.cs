using System.Net.Sockets;

namespace Qwamos.Gateway.Enforcing;

/// <summary>Between the daemon and a hook's unit: one line of JSON each way, and nothing after it.</summary>
internal static class HookLine
{
    public static async Task SendAsync(Socket connection, ReadOnlyMemory<byte> json, CancellationToken stop)
    {
        byte[] line = [.. json.Span, (byte)'\n'];
        for (int sent = 0; sent < line.Length;)
            sent += await connection.SendAsync(line.AsMemory(sent), stop).ConfigureAwait(false);
    }

    /// <summary>The line without its newline; null when the peer ended before it, sent more than <paramref name="maxBytes"/>, or something after it.</summary>
    /// <exception cref="SocketException">The connection broke.</exception>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public static async Task<byte[]?> ReadAsync(Socket connection, int maxBytes, CancellationToken stop)
    {
        byte[] buffer = new byte[maxBytes + 1];
        int length = 0;
        while (length < buffer.Length)
        {
            int read = await connection.ReceiveAsync(buffer.AsMemory(length), stop).ConfigureAwait(false);
            int end = Array.IndexOf(buffer, (byte)'\n', length, read);
            length += read;
            if (end >= 0)
                return end == length - 1 ? buffer[..end] : null;
            if (read == 0)
                return null;
        }

        return null;
    }
}
