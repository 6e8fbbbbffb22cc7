using Qwamos.Client.Talking;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Showing;

/// <summary>What stands between a value of the policy and its being in force, as far as a status answer tells; the policy itself says only what was decided.</summary>
/// <param name="answer">The status.</param>
/// <param name="schema">Gives a key's class; null where it cannot be read.</param>
internal sealed class KeyRemarks(AnswerReader answer, PolicySchema? schema)
{
    private const string AfterReboot = "after one more reboot";

    /// <summary>Null when nothing is known to stand in the way.</summary>
    public string? Of(string name)
    {
        if (answer.ObjectOf("enforcement") is { } enforcement && enforcement.TryGet(name, out var said))
            return KeyText.Of(said);
        if (WaitsForReboot(name))
            return AfterReboot;
        return schema is not null && schema.TryGet(name, out var key) && key.Class is not (DaemonConfig.Dom0 or DaemonConfig.Ui or PolicyKey.ClassAll)
            ? OfGateways(key.Class)
            : null;
    }

    /// <summary>The boot said so, and no later one saw it in force.</summary>
    private bool WaitsForReboot(string name) =>
        answer.ObjectOf("boot") is { } boot
        && boot.TryGet("results", out var results) && results.Kind == JsonKind.Object
        && results.TryGet(name, out var result) && KeyText.Of(result).EndsWith(AfterReboot, StringComparison.Ordinal);

    private string? OfGateways(string className)
    {
        if (!answer.Document.TryGet("gateways", out var gateways) || gateways.Kind != JsonKind.Object)
            return null;
        if (!gateways.Members.Any(pair => IsOf(pair.Value, className)))
            return className == "gateway" ? "no gateway configured" : $"no domain of class {className} configured";
        var behind = gateways.Members
            .Where(pair => IsBehind(pair.Value, className))
            .Select(pair => KeyText.Of(JsonValue.Of(pair.Key)))
            .ToList();
        return behind.Count == 0 ? null : $"{string.Join(", ", behind)} {(behind.Count == 1 ? "is" : "are")} behind";
    }

    private static bool IsBehind(JsonValue gateway, string className) =>
        gateway.Kind == JsonKind.Object
        && gateway.TryGet("behind", out var behind) && behind.Kind == JsonKind.Boolean && behind.AsBoolean
        && IsOf(gateway, className);

    /// <summary>An older daemon does not say which class a domain is of.</summary>
    private static bool IsOf(JsonValue domain, string className) => domain.Kind != JsonKind.Object || !domain.TryGet("class", out var of) || !of.TryGetString(out var its) || its == className;
}
