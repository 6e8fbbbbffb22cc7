namespace Qwamos.ControlBus.Policy;

/// <summary>What the firewall must know of this machine: the member <c>firewall</c> of gateway.json. A fact that is null is not known here.</summary>
/// <param name="Inside">The interfaces of the workstations; a name that ends with <c>*</c> stands for all that begin so.</param>
/// <param name="Outside">The interfaces to the rest of the world; at least one.</param>
public sealed record FirewallFacts(IReadOnlyList<string> Inside, IReadOnlyList<string> Outside, ControlLink? Control, TorFacts? Tor, TunnelFacts? Tunnel)
{
    public const string Hardening = "RADIO_HARDENING.level";
    public const string TorIsolation = "TOR_ISOLATION";
    public const string KillSwitch = "VPN_KILL_SWITCH";

    /// <summary>The keys from whose values, together, one ruleset is made.</summary>
    public static IReadOnlyList<string> Keys { get; } = [Hardening, TorIsolation, KillSwitch];
}
