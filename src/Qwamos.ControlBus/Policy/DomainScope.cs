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
        return Class is null || key.Class == Class || key.Class == PolicyKey.ClassAll;
    }
}
