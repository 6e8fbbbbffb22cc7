namespace Qwamos.Gateway.Enforcing.Firewall;

/// <summary>The values of <c>TOR_ISOLATION</c>. The zero value is the strictest.</summary>
internal enum TorIsolation
{
    /// <summary>What workstations send goes into Tor or nowhere.</summary>
    Mandatory,

    /// <summary>Workstations send directly, and Tor is there for who asks for it.</summary>
    Optional,

    /// <summary>Workstations send directly; this gateway's Tor does not serve them.</summary>
    Off,
}
