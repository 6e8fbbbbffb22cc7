using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Checking;

/// <summary>Whether the policy is in force: the courier, what each domain says of its keys, and keys that no domain is there for. By the daemon's word.</summary>
internal static class EnforcementChecks
{
    /// <summary>Keys of a domain that are named.</summary>
    private const int MaxNamed = 4;

    /// <summary>Begins the area of a domain's finding.</summary>
    public const string AreaOf = "in force in ";

    public static IEnumerable<Finding> Run(Session session, AnswerReader status)
    {
        foreach (var finding in Unserved(session, status))
            yield return finding;
        // Absent from an older daemon, and null where there are no domains.
        if (status.TextOf("courier") is not { } courier)
            yield break;
        yield return courier == "ok"
            ? Finding.Good("courier", "delivers, and asks what is in force")
            : Finding.Bad("courier", $"nothing is delivered, and what domains say may be old; it is {KeyText.Of(JsonValue.Of(courier))}", session.Paths.IsTrial ? null : "sudo systemctl restart qwamosd-courier; journalctl -u qwamosd-courier");
        foreach (var domain in DomainState.Of(status))
            yield return Judge(session, domain);
    }

    private static Finding Judge(Session session, DomainState domain)
    {
        var area = AreaOf + KeyText.Of(JsonValue.Of(domain.Name));
        // Signed evidence, which no later answer takes back that cannot be read.
        if (domain.Lacking is { } lacks)
        {
            var mend = domain.LacksRoot is not null ? "the trust root is brought again each minute" : "set these keys again";
            return Finding.Bad(area, $"it is said to have taken what its own report does not have: {lacks}", $"{mend}; if it stays, who relays for it keeps something back: docs/troubleshooting: a domain lacks what it took");
        }
        if (domain.WhyUnknown is { } unknown)
            return Finding.Doubtful(area, $"not known: {unknown}", domain.Error is not null ? domain.MendOfError(session.Paths) : domain.Report is null && domain.IsCourierWell ? "see whether its gateway-policyd runs" : null);
        if (domain.IsStale)
            return Finding.Bad(area, "it has seen no checkpoint for long: what it has may be old", "see whether the courier reaches it: qwamosctl domains");
        var lacking = domain.Keys.Where(key => StateOf(key.Value) is not ("in_force" or "staged")).ToList();
        if (lacking.Count == 0)
            return domain.IsOld(session.Now) ? Finding.Doubtful(area, $"was in force when it was heard last{(domain.Error is null ? "" : $": {domain.Error}")}")
                : domain.Refused is { } refused ? Finding.Doubtful(area, $"each key by its report, and {refused}", "qwamosctl status") : Finding.Good(area, domain.Keys.Any() ? "each key that it spoke of, or it waits for its next start" : "nothing: no key is set there, and nothing acts on one");
        var what = string.Join("; ", lacking.Take(MaxNamed).Select(Describe)) + (lacking.Count > MaxNamed ? $"; and {lacking.Count - MaxNamed} more" : "");
        return lacking.Exists(key => StateOf(key.Value) is "failed" or "drifted")
            ? Finding.Bad(area, what, DomainState.MendInside(session.Paths))
            : Finding.Doubtful(area, what, lacking.TrueForAll(key => StateOf(key.Value) == "no_enforcer") ? $"give the key a hook in it, {session.Paths.HooksDir}/KEY: docs/guide/hooks.md" : "qwamosctl status");
    }

    private static string Describe(KeyValuePair<string, JsonValue> key)
    {
        var why = key.Value.TryGet("why", out var text) ? $": {KeyText.Of(text)}" : "";
        return $"{KeyText.Of(JsonValue.Of(key.Key))} {StateOf(key.Value).Replace('_', ' ')}{why}";
    }

    private static string StateOf(JsonValue key) => key.TryGet("state", out var state) ? KeyText.Of(state) : "";

    /// <summary>Runtime keys that are policy, and that no domain is there to act upon.</summary>
    private static IEnumerable<Finding> Unserved(Session session, AnswerReader status)
    {
        if (status.ObjectOf("policy") is not { } policy || !status.HasObject("gateways") || !session.TryLoadSchema(out var schema, out _))
            yield break;
        var served = DomainState.Of(status).Select(domain => domain.Class).ToHashSet();
        // An older daemon does not say which class a domain is of.
        if (served.Contains(null))
            yield break;
        foreach (var group in schema.Keys.Where(key => key is { Apply: PolicyApply.Runtime, Class: not PolicyKey.ClassAll } && policy.TryGet(key.Name, out _) && !served.Contains(key.Class)).GroupBy(key => key.Class))
        {
            yield return Finding.Doubtful(
                "enforcement", $"nothing acts on {string.Join(", ", group.Select(key => key.Name))}: no domain of class {SafeText.ForTerminal(group.Key)} is named in domains.json", $"name it in {session.Paths.DomainsConfigFile}; docs/guide: gateways and hooks");
        }
    }
}
