using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// An exact subset of JSON Schema draft-07 (DESIGN section 7): type, enum, const, properties, required,
/// additionalProperties, minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength, pattern, boolean
/// schemas and annotations. A schema with any other keyword does not load: a rule that is silently ignored is worse
/// than none. Immutable and safe to use from every thread.
/// </summary>
public sealed class JsonSchema
{
    internal JsonSchema()
    {
    }

    /// <summary>The schema <c>false</c>: nothing is valid.</summary>
    internal bool RefusesAll { get; init; }
    internal JsonTypes Types { get; init; }
    internal IReadOnlyList<JsonValue>? Allowed { get; init; }
    internal JsonValue? Constant { get; init; }
    internal IReadOnlyDictionary<string, JsonSchema>? Properties { get; init; }
    internal IReadOnlyList<string> Required { get; init; } = [];
    internal JsonSchema? AdditionalProperties { get; init; }
    internal IReadOnlyList<NumberBound> Bounds { get; init; } = [];
    internal int MinimumCodePoints { get; init; }
    internal int MaximumCodePoints { get; init; } = int.MaxValue;
    internal Regex? Pattern { get; init; }
    internal string PatternText { get; init; } = "";

    /// <summary>Loads a schema document; <paramref name="fault"/> names the keyword and where it stands (a JSON pointer).</summary>
    public static bool TryLoad(JsonValue document, [NotNullWhen(true)] out JsonSchema? schema, out string fault)
        => JsonSchemaReader.TryRead(document, out schema, out fault);

    /// <summary>
    /// Every fault of <paramref name="value"/>, none when it is valid. The key of a fault is the path of member names
    /// and indexes joined by <c>/</c>, empty for the whole document. No fault repeats the value it is about.
    /// </summary>
    public IReadOnlyList<Fault> Validate(JsonValue value)
    {
        ArgumentNullException.ThrowIfNull(value);
        var faults = new List<Fault>();
        Collect(value, "", faults);
        return faults;
    }

    private void Collect(JsonValue value, string path, List<Fault> faults)
    {
        if (RefusesAll)
        {
            faults.Add(new Fault(path, "is not allowed here"));
            return;
        }
        if (Types != JsonTypes.None && (Types & TypesOf(value)) == 0)
            faults.Add(new Fault(path, "must be " + SchemaWords.Of(Types)));
        if (Allowed is not null && !Allowed.Any(allowed => JsonEquality.Equal(allowed, value)))
            faults.Add(new Fault(path, "must be one of " + SchemaWords.Of(Allowed)));
        if (Constant is not null && !JsonEquality.Equal(Constant, value))
            faults.Add(new Fault(path, "must be " + SchemaWords.Of(Constant)));
        if (value.Kind == JsonKind.Number)
            CollectBounds(value, path, faults);
        else if (value.Kind == JsonKind.String)
            CollectText(value.AsString, path, faults);
        else if (value.Kind == JsonKind.Object)
            CollectMembers(value, path, faults);
    }

    private void CollectBounds(JsonValue value, string path, List<Fault> faults)
    {
        foreach (var bound in Bounds)
        {
            if (!bound.Admits(value))
                faults.Add(new Fault(path, bound.Rule));
        }
    }

    private void CollectText(string text, string path, List<Fault> faults)
    {
        // Draft-07 counts characters as RFC 8259 defines them: code points, not UTF-16 units.
        var codePoints = MinimumCodePoints > 0 || MaximumCodePoints < int.MaxValue ? CodePoints.Count(text) : 0;
        if (codePoints < MinimumCodePoints)
            faults.Add(new Fault(path, $"must have at least {MinimumCodePoints} characters"));
        if (codePoints > MaximumCodePoints)
            faults.Add(new Fault(path, $"must have at most {MaximumCodePoints} characters"));
        if (Pattern is not null && !Pattern.IsMatch(text))
            faults.Add(new Fault(path, $"must match the pattern {PatternText}"));
    }

    private void CollectMembers(JsonValue value, string path, List<Fault> faults)
    {
        foreach (var name in Required)
        {
            if (!value.TryGet(name, out _))
                faults.Add(new Fault(Join(path, name), "is required"));
        }
        foreach (var (name, member) in value.Members)
        {
            if (Properties is not null && Properties.TryGetValue(name, out var schema))
                schema.Collect(member, Join(path, name), faults);
            else
                AdditionalProperties?.Collect(member, Join(path, name), faults);
        }
    }

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}/{name}";

    private static JsonTypes TypesOf(JsonValue value) => value.Kind switch
    {
        JsonKind.Null => JsonTypes.Null,
        JsonKind.Boolean => JsonTypes.Boolean,
        JsonKind.Number => value.IsInteger || ExactNumber.Parse(value.NumberToken).IsInteger ? JsonTypes.Integer | JsonTypes.Number : JsonTypes.Number,
        JsonKind.String => JsonTypes.String,
        JsonKind.Array => JsonTypes.Array,
        _ => JsonTypes.Object,
    };
}
