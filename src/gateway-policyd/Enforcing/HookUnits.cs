using System.Net.Sockets;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Running;

namespace Qwamos.Gateway.Enforcing;

/// <summary>
/// Runs each hook as a unit of its own, which systemd starts for a connection to a socket that this daemon's account alone may use (ADR 24). The connection's end is the
/// hook's end: when this daemon closes it, or dies, the unit is ended with everything that the hook started.
/// </summary>
internal sealed class HookUnits(string socket, TimeProvider time)
{
    /// <summary>The hook's own time, and what its unit needs to begin and to answer.</summary>
    public const int PatienceSeconds = Limits.HookTimeoutSeconds + Limits.HookUnitGraceSeconds;

    /// <summary>Whether hooks are to be run so: systemd has made the socket.</summary>
    public static bool AreThere(SystemPaths paths) => Posix.TryStat(paths.HookSocket, out FileStat stat) && stat.Kind == FileKind.Socket;

    /// <summary>Has the hook of a call run and waits for it. Blocks.</summary>
    public HookAnswer Run(HookCall call, CancellationToken stop) => AskAsync(call, stop).GetAwaiter().GetResult();

    private async Task<HookAnswer> AskAsync(HookCall call, CancellationToken stop)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(PatienceSeconds), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
        using var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), either.Token).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            return HookAnswer.Failed($"{SocketFaults.Describe(socket, e)}, by which hooks are run: systemctl restart qwamos-hook.socket");
        }
        catch (OperationCanceledException)
        {
            return HookAnswer.Failed($"no unit was started for it within {PatienceSeconds} s");
        }

        try
        {
            await HookLine.SendAsync(connection, call.ToJson(), either.Token).ConfigureAwait(false);
            byte[]? answer = await HookLine.ReadAsync(connection, Limits.MaxAnswerBytes, either.Token).ConfigureAwait(false);
            return answer is null ? Unanswered() : HookAnswer.Read(answer);
        }
        catch (SocketException)
        {
            return Unanswered();
        }
        catch (OperationCanceledException)
        {
            return HookAnswer.Failed($"its unit gave no answer within {PatienceSeconds} s, and is ended");
        }
    }

    private static HookAnswer Unanswered() => HookAnswer.Failed("its unit ended without an answer: journalctl -u 'qwamos-hook@*'");
}
