using System.Net.Sockets;
using Qwamos.ControlBus;

namespace Qwamos.Gateway.Enforcing;

/// <summary>The unit's side of the one connection that it was started for: reads one call, runs its hook, and answers. When the daemon goes, so does the hook.</summary>
internal sealed class HookConversation(HookDirectory hooks, TimeProvider time)
{
    /// <summary>Why there was no answer, in one sentence; null when there was one.</summary>
    public async Task<string?> ServeAsync(Socket connection)
    {
        try
        {
            byte[]? line = await ReadAsync(connection);
            if (line is null)
                return $"the daemon's call is no line of at most {Limits.MaxHookCallBytes} bytes";
            if (!HookCall.TryRead(line, out HookCall? call, out string? fault))
                return "the daemon's call is refused: " + fault;
            HookAnswer answer = await RunAsync(connection, call);
            await HookLine.SendAsync(connection, answer.ToJson(), CancellationToken.None);
            return null;
        }
        catch (OperationCanceledException)
        {
            return "the daemon sent no call in time, or ended before its hook did";
        }
        catch (SocketException e)
        {
            return "the daemon has gone: " + e.Message;
        }
    }

    private async Task<byte[]?> ReadAsync(Socket connection)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(Limits.HookUnitGraceSeconds), time);
        return await HookLine.ReadAsync(connection, Limits.MaxHookCallBytes, limit.Token);
    }

    /// <exception cref="OperationCanceledException">The daemon closed the connection, or sent more: the hook is killed.</exception>
    private async Task<HookAnswer> RunAsync(Socket connection, HookCall call)
    {
        using var gone = new CancellationTokenSource();
        using var ended = new CancellationTokenSource();
        Task watching = WatchAsync(connection, gone, ended.Token);
        HookAnswer answer = await Task.Run(() => hooks.Run(call, gone.Token));
        await ended.CancelAsync();
        await watching;
        gone.Token.ThrowIfCancellationRequested();
        return answer;
    }

    private static async Task WatchAsync(Socket connection, CancellationTokenSource gone, CancellationToken ended)
    {
        try
        {
            await connection.ReceiveAsync(new byte[1], ended);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        catch (SocketException)
        {
            // It has gone.
        }

        await gone.CancelAsync();
    }
}
