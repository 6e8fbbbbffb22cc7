namespace Qwamos.ControlBus.Policy;

/// <summary>One domain that Dom0 delivers to: a row of domains.json, or a gateway of qwamosd.json.</summary>
/// <param name="Name">The domain's name, as <c>audience</c> uses it.</param>
/// <param name="Class">The class of keys it is delivered; it gets those of class <c>all</c>, too.</param>
/// <param name="Link">Where it is reached, already under the root of a trial.</param>
/// <param name="Tags">The operator's own words for it, shown in status.</param>
public sealed record GatewayEntry(string Name, string Class, LinkAddress Link, IReadOnlyList<string> Tags)
{
    /// <summary>The Unix socket that the courier connects to: the link's own, or, where that is TLS, the one of qwamos-link for this domain.</summary>
    public string DialPath { get; init; } = Link.Path;

    /// <summary>The command by which an operator has its word believed: over TLS nothing is heard before its keys are brought.</summary>
    public string EnrolCommand => $"qwamosctl domains enroll {Name}{(Link.IsTls ? " --key BASE64 --tls-key HEX" : "")}";
}
