using System.Collections.Concurrent;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>
/// Judges what a domain says to be in force (docs/formats/reports.md): that its own key signed it, which an operator vouched for, and that the change is one for it. So one VM
/// cannot speak for another, and has no more entries recorded than there are changes for it. Thread-safe.
/// </summary>
/// <param name="systemId">This system's.</param>
/// <param name="published">What is durable.</param>
/// <param name="whyUnproven">Why a statement is about no change that this ledger has for its domain, or null.</param>
public sealed class ReportJudge(string systemId, Func<PublishedState> published, Func<InForceStatement, string?> whyUnproven)
{
    // No more than the domains that are known: only theirs are loaded.
    private readonly ConcurrentDictionary<string, (string Hex, VerifyingKey Key)> _keys = new(StringComparer.Ordinal);

    /// <summary>Why it is not believed, or null; and the key that it was believed by.</summary>
    internal Refusal? Judge(InForceStatement statement, out string key)
    {
        PublishedState now = published();
        key = "";
        if (statement.SystemId != systemId)
            return new Refusal(ErrorCode.WrongSystem, "the statement is about another system");
        if (Find(now.Policy, statement.Domain, out RecordedDomain? domain) is { } unknown)
            return unknown;
        if (Load(domain!) is not { } loaded || !statement.IsSignedBy(loaded))
            return new Refusal(ErrorCode.BadSignature, "the signature does not hold under the key that is enrolled for that domain");
        key = domain!.Statement.Key;
        if (Order(domain, statement) is { } late)
            return late;
        return whyUnproven(statement) is { } why ? new Refusal(ErrorCode.Unproven, why) : null;
    }

    /// <summary>The same where the state may be a later one than it was judged by.</summary>
    internal static Refusal? JudgeAgain(PolicyState state, InForceStatement statement, string key) =>
        Find(state, statement.Domain, out RecordedDomain? domain)
        ?? (domain!.Statement.Key == key ? Order(domain, statement) : new Refusal(ErrorCode.BadSignature, "another key is enrolled for that domain by now"));

    private static Refusal? Find(PolicyState state, string name, out RecordedDomain? domain)
    {
        if (!state.Domains.TryGetValue(name, out domain))
            return new Refusal(ErrorCode.UnknownKey, "no operator has vouched for that domain's key: qwamosctl domains enroll");
        return domain.WhyNot(state.Trust.Root) is { } why ? new Refusal(ErrorCode.UnknownKey, $"that domain is not believed: {why}") : null;
    }

    /// <summary>Where a key comes back after another one, or after it was revoked, it has all to say anew: what it signed before is no word of now (ATTACKS 9).</summary>
    private static Refusal? Order(RecordedDomain domain, InForceStatement statement) =>
        statement.Entry.Index <= domain.ReportedIndex
            ? new Refusal(ErrorCode.Superseded, $"that domain has spoken of entry {domain.ReportedIndex} already", Extra: [KeyValuePair.Create("reported", Json.JsonValue.Of(domain.ReportedIndex))])
        : domain.Seconds - statement.TimeSeconds is > Limits.FreshnessWindowSeconds and var age
            ? new Refusal(ErrorCode.Stale, $"it was signed {age} s before the statement about that domain's key: it is an old word, or the domain's clock is behind")
        : null;

    private VerifyingKey? Load(RecordedDomain domain)
    {
        if (_keys.TryGetValue(domain.Statement.Name, out (string Hex, VerifyingKey Key) known) && known.Hex == domain.Statement.Key)
            return known.Key;
        if (!domain.Statement.TryLoadKey(out VerifyingKey? key, out _))
            return null;
        _keys[domain.Statement.Name] = (domain.Statement.Key, key);
        return key;
    }
}
