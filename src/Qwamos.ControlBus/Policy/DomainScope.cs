namespace Qwamos.ControlBus.Policy;

/// <summary>Whose decisions are meant: the authority's (qwamosd, all classes), or a receiver's (a gateway, its class and <c>all</c>).</summary>
public sealed record DomainScope
{
    private DomainScope(string? name, string? @class)
    {
        Name = name;
        Class = @class;
    }

    /// <summary>qwamosd: every class.</summary>
    public static DomainScope Authority { get; } = new(null, null);

    /// <summary>The receiver's own name; null for the authority.</summary>
    public string? Name { get; }

    /// <summary>The receiver's class; null for the authority.</summary>
    public string? Class { get; }

    public bool IsReceiver => Class is not null;

    /// <summary>
    /// Dom0's own domain leaves the keys that a boot applies to that boot (qwamosd apply-pending): they are neither staged nor enforced a second time, and since it does
    /// not have them, a base is the authority's alone to compare.
    /// </summary>
    public bool LeavesRebootKeys => Class == DaemonConfig.Dom0;

    public static DomainScope Receiver(string name, string @class)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(@class);
        return new DomainScope(name, @class);
    }

    /// <summary>Whether keys of this key's class are acted upon here.</summary>
    public bool Includes(PolicyKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return Class is null || ((key.Class == Class || key.Class == PolicyKey.ClassAll) && !(LeavesRebootKeys && key.Apply == PolicyApply.Reboot));
    }
}
