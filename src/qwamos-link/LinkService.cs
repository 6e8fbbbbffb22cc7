using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Hosting.Running;

namespace Qwamos.Linking;

/// <summary>What <c>dial</c> and <c>serve</c> have in common: their start, their key, and how they end.</summary>
/// <param name="Paths">Where it works.</param>
/// <param name="Gate">The handshake.</param>
/// <param name="Time">The clock.</param>
/// <param name="Log">The log.</param>
internal sealed record LinkService(SystemPaths Paths, TlsGate Gate, TimeProvider Time, LogMessages Log) : IDisposable
{
    /// <summary>Connections that wait to be accepted.</summary>
    public const int Backlog = 64;

    private const UnixFileMode OwnerOnly = (UnixFileMode)0x1C0; // 0700
    private const UnixFileMode GroupReads = (UnixFileMode)0x1E8; // 0750

    private readonly List<Door> _doors = [];
    private readonly List<IDisposable> _held = [];

    /// <summary>Runs what <paramref name="prepare"/> has opened doors for, until a signal; it gives why it cannot, or null.</summary>
    public static Task<int> RunAsync(ParseResult parsed, SystemPaths paths, Func<LinkService, Task<string?>> prepare) =>
        ForegroundDaemon.RunAsync(parsed, Confinement.Enter(paths), closesNetwork: false, lines => new LogMessages(lines), async (process, log) =>
        {
            TimeProvider time = TimeProvider.System;
            if (!TryOpenKey(paths, time, out LinkKey? key, out string? fault))
                return process.DoesNotStart(fault);
            log.Key(key.Fingerprint);
            using var service = new LinkService(paths, new TlsGate(key, time), time, log);
            service._held.Add(key);
            fault = await prepare(service);
            if (fault is not null)
                return process.DoesNotStart(fault);
            await service.ServeAsync(process.Stop);
            return ExitCodes.Done;
        });

    public void Dispose()
    {
        foreach (IDisposable held in _held)
            held.Dispose();
    }

    /// <summary>Opens a door at a Unix socket of this program's own; gives why it cannot, or null.</summary>
    public string? AddUnix(string peer, string path, string to, Func<Socket, Door> make)
    {
        if (!BusSocket.TryBind(path, Paths, owner: null, out BusSocket? socket, out string? fault))
            return fault;
        _held.Add(socket);
        Socket listener = socket.Take();
        listener.Listen(Backlog);
        Add(peer, $"unix:{path}", to, listener, make);
        return null;
    }

    /// <summary>Opens a door at a socket that listens.</summary>
    public void Add(string peer, string from, string to, Socket listener, Func<Socket, Door> make)
    {
        _held.Add(listener);
        _doors.Add(make(listener));
        Log.Serves(peer, from, to);
    }

    private static bool TryOpenKey(SystemPaths paths, TimeProvider time, [NotNullWhen(true)] out LinkKey? key, [NotNullWhen(false)] out string? fault)
    {
        key = null;
        TrialTree.MakeMissing(paths);
        if (paths.IsTrial)
        {
            DurableFile.MakeDirectory(paths.LinkStateDir, OwnerOnly);
            DurableFile.MakeDirectory(paths.LinkRunDir, GroupReads);
        }

        return SafePath.TryCheckTrusted(paths.LinkStateDir, paths, PathRules.OwnDirectory, out fault) && LinkKey.TryOpen(paths, mayCreate: true, time, out key, out fault);
    }

    private async Task ServeAsync(StopSignal stop)
    {
        Task serving = Task.WhenAll(_doors.Select(door => door.RunAsync(stop.Token)));
        var notifier = ServiceNotifier.FromEnvironment();
        Log.Ready();
        notifier.Ready();
        await stop.Requested.ConfigureAwait(false);
        notifier.Stopping();
        await serving.ConfigureAwait(false);
        Log.Stopped();
    }
}
