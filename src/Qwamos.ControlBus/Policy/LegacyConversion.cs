using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>What <see cref="LegacyConverter"/> made of a legacy policy file.</summary>
public sealed record LegacyConversion
{
    /// <summary>The keys and values of the policy, in the order of the file.</summary>
    public IReadOnlyList<KeyValuePair<string, PolicyValue>> Values { get; init; } = [];

    /// <summary>Keys that neither the schema nor the list of old names knows.</summary>
    public IReadOnlyList<LegacyLine> Unknown { get; init; } = [];

    /// <summary>Lines that cannot be converted: a value that is not allowed, a second and different value, no <c>=</c>.</summary>
    public IReadOnlyList<LegacyLine> Faults { get; init; } = [];

    /// <summary>Things to know: old names that were mapped, signatures left out, keys given twice with one value.</summary>
    public IReadOnlyList<LegacyLine> Notes { get; init; } = [];

    /// <summary>True when every line was understood.</summary>
    public bool IsClean => Unknown.Count == 0 && Faults.Count == 0;

    /// <summary>The policy as a JSON object, the form that <c>qwamosctl apply</c> takes.</summary>
    public JsonValue ToJson() => JsonValue.Object(Values.Select(pair => (pair.Key, pair.Value.ToJson())));
}
