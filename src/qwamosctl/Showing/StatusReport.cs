using System.Collections.Immutable;
using System.Text;
using Qwamos.Client.Talking;
using Qwamos.Client.Trusting;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Showing;

/// <summary>
/// A status answer for a person: what the policy is, what waits for a reboot, and, only when there is any, what is wrong. Every name and
/// value comes from the daemon and is escaped by <see cref="KeyText.Of(JsonValue)"/>.
/// </summary>
internal static class StatusReport
{
    // A hostile name must not push every other row off the screen.
    private const int MaxNameWidth = 48;

    public static string Describe(AnswerReader answer, PolicySchema? schema, Paint paint, long nowSeconds)
    {
        StringBuilder text = new();
        var width = Width(answer, "policy", "pending", "defaults");
        var remarks = new KeyRemarks(answer, schema);
        AppendPolicy(text, answer, remarks, width, paint);
        AppendPending(text, answer, width, paint);
        AppendDefaults(text, answer, width, paint);
        AppendGateways(text, answer, paint);
        DomainTable.Append(text, answer, schema, paint, nowSeconds);
        AppendBoot(text, answer);
        AppendPutBack(text, answer, paint);
        AppendTrouble(text, answer, paint, nowSeconds);
        if (answer.NumberOf("size") is { } size)
            text.Append(paint.Faint(size == 1 ? "\n1 entry in the ledger" : $"\n{size} entries in the ledger")).Append('\n');
        var version = TrustNumber(answer, "version");
        // Where there is a trust root that key may have been replaced, and sign nothing any more.
        AppendName(text, version is null ? "system" : "system      ", answer.TextOf("system"), paint);
        AppendName(text, version is null ? "key ID" : "enrolled key", answer.TextOf("key_id"), paint);
        if (version is not null)
            text.Append(paint.Faint($"trust root    version {version}; whose keys sign: qwamosctl trust show")).Append('\n');
        return text.ToString();
    }

    private static long? TrustNumber(AnswerReader answer, string name) =>
        answer.ObjectOf("trust") is { } trust && trust.TryGet(name, out var value) && value.TryGetInteger(out var number) ? number : null;

    private static void AppendName(StringBuilder text, string what, string? name, Paint paint)
    {
        if (name is not null)
            text.Append(paint.Faint($"{what}  {KeyText.Of(JsonValue.Of(name))}")).Append('\n');
    }

    private static void AppendPolicy(StringBuilder text, AnswerReader answer, KeyRemarks remarks, int width, Paint paint)
    {
        text.Append("policy\n");
        if (answer.ObjectOf("policy") is not { } policy)
        {
            text.Append("  nothing has been set\n");
            return;
        }
        foreach (var (name, value) in policy.Members)
        {
            var how = remarks.Of(name);
            AppendRow(text, name, KeyText.Of(value), width, how is null ? null : paint.Faint($"({how})"));
        }
    }

    private static void AppendPending(StringBuilder text, AnswerReader answer, int width, Paint paint)
    {
        if (answer.ObjectOf("pending") is not { } pending)
            return;
        text.Append('\n').Append(paint.Waiting("waits for a reboot")).Append('\n');
        var refused = answer.ObjectOf("pending_refused");
        foreach (var (name, value) in pending.Members)
            AppendRow(text, name, KeyText.Of(value), width, refused is not null && refused.TryGet(name, out _) ? paint.Bad("(the boot will refuse it)") : null);
    }

    private static void AppendDefaults(StringBuilder text, AnswerReader answer, int width, Paint paint)
    {
        if (answer.ObjectOf("defaults") is not { } defaults)
            return;
        text.Append(paint.Faint("\nnever set, so at the default")).Append('\n');
        foreach (var (name, value) in defaults.Members)
            AppendRow(text, name, KeyText.Of(value), width, null);
    }

    private static void AppendGateways(StringBuilder text, AnswerReader answer, Paint paint)
    {
        if (answer.ObjectOf("gateways") is not { } gateways)
            return;
        text.Append("\ndomains\n");
        var lacking = DomainState.Of(answer).ToDictionary(domain => domain.Name, domain => domain.Lacking, StringComparer.Ordinal);
        foreach (var (name, gateway) in gateways.Members)
            AppendRow(text, name, DescribeGateway(gateway, lacking.GetValueOrDefault(name), paint), Width(gateways, 0), null);
    }

    private static string DescribeGateway(JsonValue gateway, string? lacking, Paint paint)
    {
        if (gateway.Kind != JsonKind.Object)
            return KeyText.Of(gateway);
        var taken = gateway.TryGet("taken", out var index) && index.Kind != JsonKind.Null ? $"has taken entry {KeyText.Of(index)}" : "has taken nothing yet";
        if (gateway.TryGet("behind", out var behind) && behind.Kind == JsonKind.Boolean && behind.AsBoolean)
            taken = paint.Bad(taken + ", is behind");
        if (lacking is not null)
            taken += paint.Bad($", and its own report lacks {lacking}");
        if (gateway.TryGet("last_error", out var error) && error.Kind != JsonKind.Null)
            taken += $"; its last {(DomainState.IsRefusal(KeyText.Of(error)) ? "refusal" : "error")}: {KeyText.Of(error)}";
        if (gateway.TryGet("witness", out var witness) && WitnessTrouble(witness) is { } trouble)
            taken += paint.Bad($"; as a witness: {trouble}");
        if (gateway.TryGet("tags", out var tags) && tags.Kind == JsonKind.Array)
            taken += paint.Faint($" [{string.Join(", ", tags.Items.Select(KeyText.Of))}]");
        return taken;
    }

    /// <summary>
    /// A witness that does not cosign is told of when that is more than a link that is down, of which the row tells already, or an operator's
    /// word that was not asked for yet.
    /// </summary>
    private static string? WitnessTrouble(JsonValue witness)
    {
        if (witness.Kind != JsonKind.Object || !witness.TryGet("state", out var state))
            return null;
        var fault = witness.TryGet("fault", out var why) ? KeyText.Of(why) : null;
        return KeyText.Of(state) switch
        {
            "alarm" or "refuses" => fault ?? KeyText.Of(state),
            "pinned" when fault is not null => $"your word for the ledger's key was not taken: {fault}",
            _ => null,
        };
    }

    private static void AppendTrouble(StringBuilder text, AnswerReader answer, Paint paint, long nowSeconds)
    {
        List<string> trouble = [];
        if (answer.Document.TryGet("projections", out var projections) && KeyText.Of(projections) != "ok")
            trouble.Add($"status.json and pending.conf are not up to date: {KeyText.Of(projections)}");
        if (answer.TextOf("courier") is { } courier && courier != "ok")
            trouble.Add($"nothing is delivered, and what domains say may be old; the courier is {KeyText.Of(JsonValue.Of(courier))}");
        if (answer.ObjectOf("clock_behind_floor") is { } behind)
            trouble.Add($"the daemon's clock is behind the newest change it took, set it: {KeyText.Of(behind)}");
        if (TrustNumber(answer, "expires") is { } expires && RootExpiry.Warning(expires, nowSeconds) is { } warning)
            trouble.Add($"{warning}; draw up the next one: qwamosctl trust renew");
        foreach (var (name, why) in DisownedValues.Of(answer))
            trouble.Add($"{name} was {why}, and nobody has set it since: {DisownedValues.Mend(name)}");
        foreach (var (name, why) in answer.ObjectOf("pending_refused") is { } refused ? refused.Members : [])
            trouble.Add($"the boot will refuse {KeyText.Of(JsonValue.Of(name))}: {KeyText.Of(why)}; set it again");
        foreach (var (name, result) in BootResults(answer))
        {
            if (HasFailed(result))
                trouble.Add($"the last boot could not apply {KeyText.Of(JsonValue.Of(name))}: {KeyText.Of(result)}");
        }
        if (answer.Document.TryGet("left_out", out var leftOut) && leftOut.Kind == JsonKind.Array && leftOut.Items.Length > 0)
            trouble.Add($"the answer was too long, and this is left out of it: {string.Join(", ", leftOut.Items.Select(KeyText.Of))}");
        if (trouble.Count == 0)
            return;
        text.Append('\n').Append(paint.Bad("wrong")).Append('\n');
        foreach (var line in trouble)
            text.Append("  ").Append(line).Append('\n');
    }

    /// <summary>What the last boot applied; its failures stand with what is wrong.</summary>
    private static void AppendBoot(StringBuilder text, AnswerReader answer)
    {
        var applied = BootResults(answer).Where(pair => !HasFailed(pair.Value)).ToList();
        if (applied.Count == 0)
            return;
        text.Append("\nat the last boot that applied something\n");
        foreach (var (name, result) in applied)
            AppendRow(text, name, KeyText.Of(result), applied.Max(pair => Math.Min(MaxNameWidth, pair.Key.Length)), null);
    }

    /// <summary>Stays until a newer change of the key is applied.</summary>
    private static void AppendPutBack(StringBuilder text, AnswerReader answer, Paint paint)
    {
        if (answer.ObjectOf("boot") is not { } boot || !boot.TryGet("put_back", out var back) || back.Kind != JsonKind.Object || back.Members.Length == 0)
            return;
        text.Append('\n').Append(paint.Waiting("put back by a boot")).Append('\n');
        foreach (var (_, sentence) in back.Members)
            text.Append("  ").Append(KeyText.Of(sentence)).Append('\n');
    }

    private static ImmutableArray<KeyValuePair<string, JsonValue>> BootResults(AnswerReader answer) =>
        answer.ObjectOf("boot") is { } boot && boot.TryGet("results", out var results) && results.Kind == JsonKind.Object ? results.Members : [];

    private static bool HasFailed(JsonValue result) => KeyText.Of(result).StartsWith("failed", StringComparison.Ordinal);

    private static void AppendRow(StringBuilder text, string name, string value, int width, string? remark)
    {
        text.Append("  ").Append(KeyText.Of(JsonValue.Of(name)).PadRight(width)).Append("  ").Append(value);
        if (remark is not null)
            text.Append("  ").Append(remark);
        text.Append('\n');
    }

    private static int Width(AnswerReader answer, params ReadOnlySpan<string> members)
    {
        var width = 0;
        foreach (var member in members)
        {
            if (answer.ObjectOf(member) is { } values)
                width = Width(values, width);
        }
        return width;
    }

    private static int Width(JsonValue values, int least) =>
        Math.Min(MaxNameWidth, values.Members.Max(member => Math.Max(least, member.Key.Length)));
}
