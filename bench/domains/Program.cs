using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Running;
using Qwamos.Gateway;
using Qwamos.Gateway.Receiving;

namespace Qwamos.Domains;

/// <summary>
/// Many domains in one process: each is a whole receiver of gateway-policyd, with its own folder, record, socket, threads and enforcers. Only the process is
/// shared.
/// </summary>
internal static class Program
{
    private static async Task<int> Main(string[] roots)
    {
        if (roots.Length == 0)
        {
            await Console.Error.WriteLineAsync("usage: qwamos-domains ROOT...");
            return 1;
        }
        int maxConnections = ProcessSetup.Harden() / roots.Length;
        ProcessSetup.ContinueOnSocketThreads();
        using var lines = new DaemonLog(LogFormat.Text, TimeProvider.System);
        using var stop = new StopSignal();
        var log = new LogMessages(lines);
        var receivers = new List<Receiver>();
        foreach (string root in roots)
        {
            Receiver? receiver = null;
            if (!SystemPaths.TryCreate(root, out SystemPaths? paths, out string? fault) || !Receiver.TryCreate(paths, maxConnections, TimeProvider.System, log, stop.Token, out receiver, out fault))
            {
                await Console.Error.WriteLineAsync($"{root}: {fault}");
                return 1;
            }
            receivers.Add(receiver);
        }
        bool[] ends = await Task.WhenAll(receivers.Select(receiver => receiver.RunAsync(stop.Requested)));
        foreach (Receiver receiver in receivers)
            await receiver.DisposeAsync();
        return ends.All(isWell => isWell) ? 0 : 1;
    }
}
