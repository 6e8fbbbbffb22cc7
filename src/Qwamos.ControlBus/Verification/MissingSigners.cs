using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Verification;

/// <summary>What a message lacks to be authorised: an element of the answer's <c>missing</c>.</summary>
/// <param name="What">A policy key, a command, or <c>trust_root</c>.</param>
/// <param name="Role">The role that lacks the fewest holders; null when no role may sign it.</param>
/// <param name="Have">Its holders that signed.</param>
public sealed record MissingSigners(string What, Role? Role, IReadOnlyList<string> Have)
{
    /// <summary>Who of the role could still sign.</summary>
    public IReadOnlyList<string> From => Role is null ? [] : [.. Role.Holders.Except(Have, StringComparer.Ordinal)];

    /// <summary>One clause: who is missing.</summary>
    public string Text => Role is null
        ? $"no role may sign {What}"
        : $"{What} needs {Role.Threshold} of the role {Role.Name}: {(Have.Count == 0 ? "none" : string.Join(", ", Have))} signed, {Role.Threshold - Have.Count} more of {string.Join(", ", From)} must";

    public JsonValue ToJson() => JsonValue.Object(
    [
        ("what", JsonValue.Of(What)),
        ("role", Role is null ? JsonValue.Null : JsonValue.Of(Role.Name)),
        ("threshold", JsonValue.Of(Role?.Threshold ?? 0)),
        ("have", JsonValue.Array(Have)),
        ("from", JsonValue.Array(From)),
    ]);
}
