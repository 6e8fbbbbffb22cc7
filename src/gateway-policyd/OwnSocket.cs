using System.Net.Sockets;
using System.Text;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Hosting.Running;

namespace Qwamos.Gateway;

/// <summary>Asks this gateway's running daemon, unsigned, for the commands that show something of it.</summary>
internal static class OwnSocket
{
    /// <summary>Time for all of it: connect, send, the whole answer.</summary>
    private const int PatienceSeconds = 10;

    /// <summary>The answer when it is ok; else null and the exit code, the reason being said already.</summary>
    public static async Task<(AnswerReader? Answer, int Failed)> AskAsync(SystemPaths paths, string command)
    {
        byte[] line;
        try
        {
            line = await AskAsync(paths.GatewaySocket, command, TimeProvider.System);
        }
        catch (SocketException e)
        {
            return End(ExitCodes.NotReachable, $"{SocketFaults.Describe(paths.GatewaySocket, e)}: does gateway-policyd run? Start it: {ProposedCommand.Start(paths, "gateway-policyd")}");
        }
        catch (OperationCanceledException)
        {
            return End(ExitCodes.NotReachable, $"{paths.GatewaySocket}: no answer within {PatienceSeconds} s");
        }

        if (!AnswerReader.TryRead(line, out AnswerReader? answer, out string? fault))
            return End(ExitCodes.Failed, $"the answer cannot be read: {fault}");
        return answer.IsOk ? (answer, ExitCodes.Done) : End(ExitCodes.Failed, $"{answer.Code}: {answer.Reason}");
    }

    /// <exception cref="OperationCanceledException">The time is over.</exception>
    internal static async Task<byte[]> AskAsync(string path, string command, TimeProvider time)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(PatienceSeconds), time);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), limit.Token).ConfigureAwait(false);
        await socket.SendAsync(Encoding.UTF8.GetBytes($"{{\"msg\":{{\"command\":\"{command}\"}}}}\n"), limit.Token).ConfigureAwait(false);
        var buffer = new byte[Limits.MaxAnswerBytes];
        int length = 0, read;
        do
        {
            read = await socket.ReceiveAsync(buffer.AsMemory(length), limit.Token).ConfigureAwait(false);
            length += read;
        }
        while (read > 0 && buffer[length - 1] != '\n' && length < buffer.Length);
        return buffer[..length];
    }

    private static (AnswerReader?, int) End(int code, string sentence)
    {
        Console.Error.WriteLine("gateway-policyd: " + SafeText.ForTerminal(sentence));
        return (null, code);
    }
}
