using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>
/// A request that was refused, and why. <paramref name="Reason"/> is one sentence; it never holds a key or a confidential value.
/// <paramref name="Index"/> and <paramref name="Outcome"/> come with <c>replayed</c>, <paramref name="Faults"/> with <c>invalid_policy</c>.
/// <paramref name="Extra"/> are further members of the answer, in their order.
/// </summary>
public sealed record Refusal(
    ErrorCode Code,
    string Reason,
    IReadOnlyList<Fault>? Faults = null,
    long? Index = null,
    string? Outcome = null,
    IReadOnlyList<KeyValuePair<string, JsonValue>>? Extra = null)
{
    /// <summary>What an undecided verdict gives.</summary>
    public static Refusal Undecided { get; } = new(ErrorCode.Refused, "the request was not judged");

    /// <summary>After such an answer the connection closes: where the next request would begin is not known.</summary>
    public bool ClosesConnection => Code is ErrorCode.TooLarge or ErrorCode.BadJson;

    internal static Refusal BadRequest(string reason) => new(ErrorCode.BadRequest, reason);
}
