using System.CommandLine;
using System.Net.Sockets;
using System.Text;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Json;

namespace Qwamos.Gateway;

/// <summary><c>gateway-policyd status</c>: asks the daemon's own socket, unsigned, and shows the answer.</summary>
internal static class StatusCommand
{
    /// <summary>Time for all of it: connect, send, the whole answer.</summary>
    private const int PatienceSeconds = 10;

    private const string Json = "json";

    private static readonly Option<string> Output = new("--output", "-o")
    {
        Description = "How the answer is shown.",
        HelpName = "text|json",
        DefaultValueFactory = _ => "text",
    };

    public static Command Create()
    {
        Output.AcceptOnlyFromAmong("text", Json);
        var command = new Command("status", "Show what this gateway has accepted, and what of it is in force.") { Output };
        command.SetAction(DaemonCommandLine.Under(RunAsync));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, SystemPaths paths)
    {
        byte[] line;
        try
        {
            line = await AskAsync(paths.GatewaySocket, TimeProvider.System);
        }
        catch (SocketException e)
        {
            return End(ExitCodes.NotReachable, $"{paths.GatewaySocket}: {e.Message}: does gateway-policyd run?");
        }
        catch (OperationCanceledException)
        {
            return End(ExitCodes.NotReachable, $"{paths.GatewaySocket}: no answer within {PatienceSeconds} s");
        }

        if (!AnswerReader.TryRead(line, out AnswerReader? answer, out string? fault))
            return End(ExitCodes.Failed, $"the answer cannot be read: {fault}");
        if (!answer.IsOk)
            return End(ExitCodes.Failed, $"{answer.Code}: {answer.Reason}");
        Console.Out.WriteLine(parsed.GetValue(Output) == Json ? JsonText.ToText(answer.Document, isIndented: true) : StatusText.Of(answer.Document));
        return ExitCodes.Done;
    }

    /// <exception cref="OperationCanceledException">The time is over.</exception>
    internal static async Task<byte[]> AskAsync(string path, TimeProvider time)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(PatienceSeconds), time);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), limit.Token).ConfigureAwait(false);
        await socket.SendAsync("{\"msg\":{\"command\":\"get_status\"}}\n"u8.ToArray(), limit.Token).ConfigureAwait(false);
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

    private static int End(int code, string sentence)
    {
        Console.Error.WriteLine("gateway-policyd: " + SafeText.ForTerminal(sentence));
        return code;
    }
}
