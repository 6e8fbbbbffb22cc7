using System.CommandLine;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Policy;
using Qwamos.Gateway.Enforcing.Firewall;

namespace Qwamos.Gateway;

/// <summary>
/// <c>gateway-policyd baseline</c>: closes the firewall before the network comes up, without key or record. The daemon's first ruleset takes the place of this one;
/// should it never come, all stays closed but the control link.
/// </summary>
internal static class BaselineCommand
{
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

    private static string? Load(ControlLink? control) =>
        new Nft(TimeProvider.System).Load(Ruleset.Closed(control).ToText(new Dictionary<string, CounterValue>()), CancellationToken.None);
}
