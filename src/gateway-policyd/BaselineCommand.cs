using System.CommandLine;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Policy;
using Qwamos.Gateway.Enforcing.Firewall;

namespace Qwamos.Gateway;

/// <summary>
/// <c>gateway-policyd baseline</c>: closes the firewall before the network comes up, without key or record. The daemon's first ruleset takes the place of this one;
/// should it never come, all stays closed but the control link. Where it cannot be loaded the unit fails, and the network's services with it.
/// </summary>
internal static class BaselineCommand
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <summary>No try begins later: it may take its whole time.</summary>
    private static readonly TimeSpan LastTry = TimeSpan.FromSeconds(Limits.BaselineSeconds - Limits.FirewallTimeoutSeconds) - Pause;

    public static Command Create()
    {
        var command = new Command("baseline", "Close the firewall that gateway.json asks for, but for the control link, until the daemon loads what is policy.");
        RootCommandAction.Set(command, (_, paths) => Close(paths));
        return command;
    }

    private static string? Close(SystemPaths paths)
    {
        if (!PolicySchema.TryLoadFor(paths, out PolicySchema? schema, out string? fault) || !GatewayConfig.TryLoad(paths, schema, out GatewayConfig? config, out fault))
            return Load(null) is { } why ? $"{fault}; and the firewall cannot be closed: {why}" : $"{fault}; the firewall is closed, the control link with it";
        if (config.Enforcers.Firewall is not { } firewall)
        {
            Console.Out.WriteLine($"{paths.GatewayConfigFile} asks for no firewall: nothing is closed.");
            return null;
        }

        return Load(firewall.Control) is { } loading ? $"the firewall cannot be closed: {loading}" : null;
    }

    /// <summary>Why it could not be loaded, or null. Tried again and again, for a boot may only bring what nft needs, and may be slow.</summary>
    private static string? Load(ControlLink? control)
    {
        var nft = new Nft(TimeProvider.System);
        string ruleset = Ruleset.Closed(control).ToText(new Dictionary<string, CounterValue>());
        long begun = TimeProvider.System.GetTimestamp();
        string? said = null;
        while (true)
        {
            string? why = nft.Load(ruleset, CancellationToken.None);
            if (why is null || TimeProvider.System.GetElapsedTime(begun) > LastTry)
                return why;
            if (said != why)
                Console.Error.WriteLine(SafeText.ForTerminal($"the firewall cannot be closed yet: {why}; trying again"));
            said = why;
            _ = CancellationToken.None.WaitHandle.WaitOne(Pause);
        }
    }
}
