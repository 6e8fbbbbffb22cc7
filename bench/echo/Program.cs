using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Qwamos.Echo;

/// <summary>
/// A yardstick: gives back what it is sent, over the transport of the daemons with their settings (BusListener, ProcessSetup), and does nothing else.
/// So it shows what the transport costs by itself.
/// </summary>
internal static class Program
{
    private const int Backlog = 4_096;
    private const int ReadBufferBytes = 1;
    private const int WriteBufferBytes = 1;

    private static async Task<int> Main(string[] arguments)
    {
        if (arguments is not [var path])
        {
            await Console.Error.WriteLineAsync("usage: qwamos-echo SOCKET");
            return 1;
        }
        Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
        var options = new SocketTransportOptions
        {
            Backlog = Backlog,
            MaxReadBufferSize = ReadBufferBytes,
            MaxWriteBufferSize = WriteBufferBytes,
            UnsafePreferInlineScheduling = true,
        };
        var factory = new SocketTransportFactory(Options.Create(options), NullLoggerFactory.Instance);
        IConnectionListener listener = await factory.BindAsync(new UnixDomainSocketEndPoint(path));
        await Task.WhenAll(Enumerable.Range(0, Environment.ProcessorCount).Select(_ => AcceptAsync(listener)));
        return 0;
    }

    private static async Task AcceptAsync(IConnectionListener listener)
    {
        while (await listener.AcceptAsync() is { } connection)
            _ = ServeAsync(connection);
    }

    private static async Task ServeAsync(ConnectionContext connection)
    {
        PipeReader input = connection.Transport.Input;
        try
        {
            ReadResult read;
            do
            {
                read = await input.ReadAsync();
                foreach (ReadOnlyMemory<byte> piece in read.Buffer)
                    await connection.Transport.Output.WriteAsync(piece);
                input.AdvanceTo(read.Buffer.End);
            }
            while (!read.IsCompleted);
        }
        catch (Exception e) when (e is IOException or ConnectionAbortedException)
        {
            // The client is gone.
        }
        finally
        {
            await connection.DisposeAsync();
        }
    }
}
