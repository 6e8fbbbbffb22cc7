namespace Qwamos.ControlBus.Policy;

/// <summary>When a change of a key applies (DESIGN section 5).</summary>
public enum PolicyApply
{
    /// <summary>As soon as it is accepted.</summary>
    Runtime,

    /// <summary>At the next boot of Dom0, or the next start of a gateway.</summary>
    Reboot,
}
