using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Trust;

/// <summary>Policy keys, and perhaps only some of their values, that a role may set.</summary>
/// <param name="Key">A policy key's exact name, or the beginning of names and <c>*</c>; <c>*</c> alone is every key.</param>
/// <param name="Values">The values; null for all of them.</param>
public sealed record PolicyGrant(string Key, IReadOnlyList<JsonValue>? Values)
{
    private const int ExactName = Limits.MaxPolicyKeyNameBytes + 1;

    /// <summary>Every key and value.</summary>
    public static PolicyGrant Everything { get; } = new("*", null);

    /// <summary>Whether it is about that name and value.</summary>
    public bool Covers(string name, JsonValue value) => NamePattern.Covers(Key, name) && (Values is null || Values.Contains(value));

    /// <summary>Of two grants that cover a change the greater one decides: an exact name before a beginning, a longer beginning before a shorter, one with values before one without.</summary>
    internal int Precision => ((NamePattern.IsPrefix(Key) ? Key.Length - 1 : ExactName) * 2) + (Values is null ? 0 : 1);
}
