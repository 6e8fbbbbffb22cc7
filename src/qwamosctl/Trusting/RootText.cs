using System.Globalization;
using System.Text;
using Qwamos.Client.Auditing;
using Qwamos.Client.Showing;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Client.Trusting;

/// <summary>A trust root in plain words. Names in it are of letters, digits and -, and patterns of printable ASCII: the reader refuses all else.</summary>
internal static class RootText
{
    private const int Width = 13;

    public static string Describe(TrustRoot root, long nowSeconds)
    {
        StringBuilder text = new();
        if (root.IsImplicit)
        {
            return Line(text, "trust root", "none yet: whoever holds the enrolled key may sign everything")
                .Append("key".PadRight(Width)).Append(root.Keys[0].Id).Append('\n').ToString();
        }
        Line(text, "trust root", $"version {Number(root.Version)}");
        Line(text, "system", root.SystemId!);
        Line(text, "drawn up", AuditText.Time(root.CreatedSeconds));
        Line(text, "until", Until(root, nowSeconds));
        Line(text, "SHA-256", root.Hash);
        Line(text, "drawn up on", $"{Number(root.Baseline.Size)} {AuditText.Entries(root.Baseline.Size)}, root hash {root.Baseline.RootHash}");
        text.Append("\nholders\n");
        var width = root.Holders.Max(holder => holder.Name.Length);
        foreach (var holder in root.Holders)
        {
            foreach (var (at, key) in holder.Keys.Index())
                text.Append("  ").Append((at == 0 ? holder.Name : "").PadRight(width)).Append("  key ").Append(key.Id).Append('\n');
        }
        text.Append("\nwho may sign what\n");
        foreach (var line in root.Roles.OrderBy(role => role.Name == Role.Root ? 0 : 1).SelectMany(Rules))
            text.Append("  ").Append(line).Append('\n');
        if (root.Revoked.Count > 0)
            text.Append("\nrevoked\n");
        foreach (var revocation in root.Revoked)
            text.Append("  key ").Append(revocation.Key).Append(CultureInfo.InvariantCulture, $" from entry {revocation.FromIndex} on\n");
        return text.ToString();
    }

    /// <summary>What a role signs, and how many of whom it takes: a line each.</summary>
    public static IEnumerable<string> Rules(Role role)
    {
        var who = $"{Who(role)} (role {role.Name}, threshold {Number(role.Threshold)})";
        if (role.Name == Role.Root)
            yield return $"the next trust root: {who}";
        foreach (var grant in role.Policy)
            yield return $"{Grant(grant)}: {who}";
        if (role.Commands.Count > 0)
            yield return $"{Command(role.Commands)}: {who}";
        if (role.Name != Role.Root && role.Policy.Count + role.Commands.Count == 0)
            yield return $"nothing: {who}";
    }

    /// <summary>How many of whom.</summary>
    public static string Who(Role role) => role switch
    {
        { Holders.Count: 1 } => role.Holders[0],
        { Threshold: 1 } => $"any of {Names(role.Holders)}",
        _ when role.Threshold == role.Holders.Count => $"{Names(role.Holders)} together",
        _ => $"{Number(role.Threshold)} of {Names(role.Holders)}",
    };

    /// <summary>The policy of a grant.</summary>
    public static string Grant(PolicyGrant grant)
    {
        var key = grant.Key == "*" ? "every policy key" : grant.Key.EndsWith('*') ? $"policy keys that begin with {grant.Key[..^1]}" : grant.Key;
        return grant.Values is null ? key : $"{key} = {string.Join(" or ", grant.Values.Select(Value))}";
    }

    /// <summary>As JSON: false and "false" are two values, and only one of them can be set.</summary>
    public static string Value(JsonValue value) => SafeText.ForTerminal(JsonText.ToText(value));

    /// <summary>Commands beside set_policy.</summary>
    public static string Command(IReadOnlyList<string> commands) => commands.Contains("*") ? "every other command" : $"the commands {Names(commands)}";

    public static string Names(IEnumerable<string> names) => string.Join(", ", names.Select(SafeText.ForTerminal));

    /// <summary>When it ends, and how soon that is.</summary>
    public static string Until(TrustRoot root, long nowSeconds) => root.ExpiresSeconds < nowSeconds
        ? $"{AuditText.Time(root.ExpiresSeconds)}: it has EXPIRED, and nothing but the next one, and fire, is accepted"
        : $"{AuditText.Time(root.ExpiresSeconds)}, {Duration.InWords(root.ExpiresSeconds - nowSeconds)} from now";

    public static JsonValue ToJson(SignedRoot signed) => JsonValue.Object(
        [("version", JsonValue.Of(signed.Root.Version)), ("sha256", JsonValue.Of(signed.Root.Hash)), .. signed.ToJson().Members.Select(member => (member.Key, member.Value))]);

    private static StringBuilder Line(StringBuilder text, string what, string value) => text.Append(what.PadRight(Width)).Append(value).Append('\n');

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
