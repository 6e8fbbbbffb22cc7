using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;

namespace Qwamos.Client.Talking;

/// <summary>One domain, by the daemon's word.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Class">Its class of policy keys.</param>
/// <param name="Link">How the courier reaches it; null for a domain that domains.json does not name.</param>
/// <param name="IsOverTls">Whether it is reached over TLS, so that its end of that has a key, too.</param>
/// <param name="Key">The key that it says is its own, 64 lower-case hex digits; null when it said none.</param>
/// <param name="WhyNot">Why its word is not believed; null when it is.</param>
/// <param name="Statement">What an operator signed about it last; null when nobody did.</param>
/// <param name="Seconds">Only a statement that is signed later takes that one's place, unix seconds.</param>
internal sealed record KnownDomain(string Name, string Class, string? Link, bool IsOverTls, string? Key, string? WhyNot, DomainKeyStatement? Statement, long Seconds)
{
    /// <summary>The fingerprint of the key that it says is its own.</summary>
    public string? Fingerprint => Key is null ? null : DomainKeyStatement.FingerprintOf(Key);

    /// <summary>The command that has its word believed; null for one that was not heard yet: its link comes first. Over TLS nothing is heard before its keys are brought.</summary>
    public string? EnrolCommand => IsOverTls ? $"qwamosctl domains enroll {SafePath.Quote(Name)} --key BASE64 --tls-key HEX" : Key is null ? null : $"qwamosctl domains enroll {SafePath.Quote(Name)}";

    /// <summary>Whether the key that it says is its own is the one that an operator vouched for.</summary>
    public bool IsEnrolled => WhyNot is null && Statement is not null;
}
