using System.Globalization;
using System.Text;
using Qwamos.Client.Auditing;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Client.Trusting;

/// <summary>A change that waits for signers, in plain words: what it would do, who decides, who has signed. Confidential values too: nobody signs what they cannot see.</summary>
internal static class ProposalText
{
    private const int Width = 13;

    public static string Describe(Session session, TrustInForce? trust, Proposal proposal)
    {
        var message = proposal.Message;
        var schema = session.TryLoadSchema(out var loaded, out _) ? loaded : null;
        StringBuilder text = new("change\n");
        foreach (var (name, value) in message.Args!.Members)
        {
            text.Append("  ").Append(KeyText.Of(JsonValue.Of(name))).Append(" = ").Append(KeyText.Of(value));
            if (Before(trust, schema, name) is { } before)
                text.Append(CultureInfo.InvariantCulture, $"  (now {before})");
            text.Append('\n');
            if (Authorities(trust, name, value) is { } who)
                text.Append("    signed by ").Append(who).Append('\n');
        }
        text.Append('\n');
        Line(text, "drawn up", AuditText.Time(message.Timestamp ?? 0));
        Line(text, "until", trust is null ? AuditText.Time(message.Expires ?? message.Timestamp ?? 0) : AuditText.Time(Freshness.LastSecond(message, trust.Root)));
        Line(text, "system", message.System ?? "any");
        Line(text, "builds on", Base(trust, message));
        if (message.Audience is { } audience)
            Line(text, "for", string.Join(", ", audience));
        if (message.Mode == ChangeMode.Staged)
            Line(text, "applies", "at the next boot");
        if (message.Reason is { } reason)
            Line(text, "reason", reason);
        return text.ToString();
    }

    /// <summary>The answer's <c>missing</c>, as far as it can be told here.</summary>
    public static JsonValue Missing(TrustRoot root, Proposal proposal)
    {
        var holders = Holders(root, proposal);
        return JsonValue.Array(Authority.Requirements(root, proposal.Message)
            .Where(need => !need.Roles.Any(role => role.IsMetBy(holders)))
            .Select(need => new MissingSigners(need.What, Nearest(need.Roles, holders), HaveOf(need.Roles, holders)).ToJson()));
    }

    /// <summary>Who has signed, by name.</summary>
    public static HashSet<string> Holders(TrustRoot root, Proposal proposal) =>
        [.. proposal.Signatures.Select(signature => signature.KeyId is { } id ? root.HolderOf(id) : null).OfType<string>()];

    private static Role? Nearest(List<Role> roles, IReadOnlyCollection<string> holders) => roles.MinBy(role => role.Threshold - role.Count(holders));

    private static List<string> HaveOf(List<Role> roles, IReadOnlyCollection<string> holders) => Nearest(roles, holders) is { } nearest ? [.. nearest.Holders.Where(holders.Contains)] : [];

    private static string? Authorities(TrustInForce? trust, string name, JsonValue value)
    {
        if (trust is null)
            return null;
        var roles = Authority.RolesFor(trust.Root, name, value);
        return roles.Count == 0 ? "NOBODY: no role may" : string.Join(", or ", roles.Select(RootText.Who));
    }

    private static string? Before(TrustInForce? trust, PolicySchema? schema, string name)
    {
        if (trust?.Status is not { } status || schema is null || !schema.TryGet(name, out var key))
            return null;
        var policy = status.ObjectOf("policy");
        return policy is not null && policy.TryGet(name, out var value) ? KeyText.Of(value) : $"never set, so {KeyText.Of(key.Default)}";
    }

    private static string Base(TrustInForce? trust, Message message)
    {
        if (message.Base is not { Count: > 0 } bases)
            return "nothing: it is taken whatever is set when it comes";
        var known = trust?.Status?.ObjectOf("base");
        List<string> other = [], same = [], unseen = [];
        foreach (var (name, digits) in bases)
            (known is null || !known.TryGet(name, out var hash) ? unseen : hash.TryGetString(out var now) && now == digits ? same : other).Add(name);
        if (other.Count > 0)
            return $"OTHER values of {string.Join(", ", other)} than are set now: it will be refused";
        // Of a class with confidential values the daemon shows the hash to who signs the question, which is not done here.
        var earlier = unseen.Count == 0 ? "" : $"the values of {string.Join(", ", unseen)} when it was drawn up, not compared here";
        return same.Count == 0 ? earlier : $"the values of {string.Join(", ", same)} that are set now{(earlier.Length == 0 ? "" : ", and ")}{earlier}";
    }

    private static void Line(StringBuilder text, string what, string value) => text.Append(what.PadRight(Width)).Append(SafeText.ForTerminal(value)).Append('\n');
}
