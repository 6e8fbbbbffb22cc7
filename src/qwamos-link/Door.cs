using System.Collections.Concurrent;
using System.Net.Security;
using System.Net.Sockets;
using Qwamos.ControlBus;

namespace Qwamos.Linking;

/// <summary>
/// One listening socket, and what is done with who comes: both ends are opened, then bytes are carried between them until either side closes, or the peer's key is believed no more.
/// </summary>
/// <param name="peer">Whose key is at the other end of the TLS connection.</param>
/// <param name="listener">Listens already.</param>
/// <param name="open">Opens both ends for an accepted connection: the one with TLS, with its peer's fingerprint, and the plain one.</param>
/// <param name="faultOf">Why the key that a connection began with is believed no more, or null: looked at each second.</param>
/// <param name="time">The clock.</param>
/// <param name="log">The log.</param>
internal sealed class Door(
    string peer, Socket listener, Func<Socket, CancellationToken, Task<((SslStream Stream, string Fingerprint) Tls, Stream Plain)>> open, Func<string, string?> faultOf, TimeProvider time, LogMessages log)
{
    /// <summary>Time for both ends to be opened, the handshake included.</summary>
    private static readonly TimeSpan OpeningTime = TimeSpan.FromSeconds(Limits.RequestTimeoutSeconds);

    /// <summary>How soon a key that was unpinned ends its connections.</summary>
    private static readonly TimeSpan PinsPause = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan AcceptPause = TimeSpan.FromSeconds(1);

    /// <summary>Connections of one door, begun ones too: Dom0 needs one.</summary>
    private const int MaxConnections = 32;

    private const int BufferBytes = 16_384;

    private readonly ConcurrentDictionary<Task, bool> _running = new();
    private string? _said;

    // Not open yet: who they are is not known.
    private readonly List<Socket> _opening = [];
    private int _open;

    /// <summary>Until stopped; then its connections are closed.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                Socket accepted = await listener.AcceptAsync(stop).ConfigureAwait(false);
                if (TryEnter(accepted))
                    Follow(Task.Run(() => CarryAsync(accepted, stop), CancellationToken.None));
                else
                    accepted.Dispose();
            }
            catch (OperationCanceledException)
            {
                break;
            }
            catch (SocketException e)
            {
                Say(e.Message);
                await Task.Delay(AcceptPause, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        await Task.WhenAll(_running.Keys).ConfigureAwait(false);
    }

    /// <summary>
    /// Strangers who begin handshakes and do not end them give way, one of those under way, whichever: the oldest one could be Dom0's each time, where many come. False where all are who they must be.
    /// </summary>
    private bool TryEnter(Socket accepted)
    {
        lock (_opening)
        {
            if (_opening.Count + _open == MaxConnections)
            {
                if (_opening.Count == 0)
                    return false;
                int given = Random.Shared.Next(_opening.Count);
                _opening[given].Dispose();
                _opening.RemoveAt(given);
            }
            _opening.Add(accepted);
            return true;
        }
    }

    /// <summary>False for one that gave way.</summary>
    private bool TryOpen(Socket accepted)
    {
        lock (_opening)
        {
            if (!_opening.Remove(accepted))
                return false;
            _open++;
            return true;
        }
    }

    private void Leave(Socket accepted, bool wasOpen)
    {
        lock (_opening)
        {
            if (wasOpen)
                _open--;
            else
                _opening.Remove(accepted);
        }
    }

    private void Follow(Task connection)
    {
        _running[connection] = true;
        _ = connection.ContinueWith(ended => _running.TryRemove(ended, out _), TaskScheduler.Default);
    }

    private async Task CarryAsync(Socket accepted, CancellationToken stop)
    {
        bool isOpen = false;
        try
        {
            using (accepted)
            {
                ((SslStream tls, string fingerprint), Stream plain) = await OpenAsync(accepted, stop).ConfigureAwait(false);
                await using (tls.ConfigureAwait(false))
                await using (plain.ConfigureAwait(false))
                {
                    if (!(isOpen = TryOpen(accepted)))
                        return;
                    log.Connected(peer);
                    _said = null;
                    await CarryAsync(tls, plain, fingerprint, stop).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            Say(e.Message);
        }
        catch (OperationCanceledException)
        {
            if (!stop.IsCancellationRequested)
                Say($"not open within {OpeningTime.TotalSeconds} s");
        }
        finally
        {
            Leave(accepted, isOpen);
        }
    }

    private async Task<((SslStream Stream, string Fingerprint) Tls, Stream Plain)> OpenAsync(Socket accepted, CancellationToken stop)
    {
        using var limit = new CancellationTokenSource(OpeningTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
        return await open(accepted, either.Token).ConfigureAwait(false);
    }

    /// <summary>The first of the two ways that ends takes the other with it, and so does the end of trust.</summary>
    private async Task CarryAsync(SslStream tls, Stream plain, string fingerprint, CancellationToken stop)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task trust = WatchAsync(fingerprint, end.Token);
        Task[] ways = [CopyAsync(tls, plain, end.Token), CopyAsync(plain, tls, end.Token), trust];
        await Task.WhenAny(ways).ConfigureAwait(false);
        await end.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(ways).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // What it ended by is worth a line only where somebody did not just close.
        if (trust.IsFaulted)
            log.Cut(peer, trust.Exception.InnerException!.Message);
        else if (ways[0] is { IsFaulted: true } broken)
            log.Cut(peer, broken.Exception!.InnerException!.Message);
    }

    private async Task WatchAsync(string fingerprint, CancellationToken end)
    {
        while (true)
        {
            await Task.Delay(PinsPause, time, end).ConfigureAwait(false);
            if (faultOf(fingerprint) is { } why)
                throw new IOException(why);
        }
    }

    private static async Task CopyAsync(Stream from, Stream to, CancellationToken end)
    {
        byte[] buffer = new byte[BufferBytes];
        while (await from.ReadAsync(buffer, end).ConfigureAwait(false) is var read and > 0)
        {
            await to.WriteAsync(buffer.AsMemory(0, read), end).ConfigureAwait(false);
            await to.FlushAsync(end).ConfigureAwait(false);
        }
    }

    /// <summary>One that tries again and again with the same fault is said once.</summary>
    private void Say(string reason)
    {
        if (Interlocked.Exchange(ref _said, reason) != reason)
            log.Refused(peer, reason);
    }
}
