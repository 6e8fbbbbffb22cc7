namespace Qwamos.ControlBus.Policy;

/// <summary>One key of the policy, as the schema file says it. Immutable.</summary>
public sealed class PolicyKey
{
    /// <summary>The class whose keys concern every domain.</summary>
    public const string ClassAll = "all";

    internal PolicyKey(JsonSchema schema) => Schema = schema;

    public required string Name { get; init; }
    public required string Description { get; init; }
    public required PolicyType Type { get; init; }

    /// <summary>The values that are allowed, the default first; empty when a range or a length bounds them. Booleans have two.</summary>
    public required IReadOnlyList<PolicyValue> Values { get; init; }

    /// <summary>Least value of an integer key without <see cref="Values"/>.</summary>
    public long? Minimum { get; init; }

    /// <summary>Greatest value of an integer key without <see cref="Values"/>.</summary>
    public long? Maximum { get; init; }

    public required PolicyValue Default { get; init; }
    public required PolicyApply Apply { get; init; }
    public required string Class { get; init; }

    /// <summary>The key has the values <c>disarmed</c>, <c>armed</c> and the event <c>fire</c> (<see cref="EventValues"/>).</summary>
    public bool IsEvent { get; init; }

    /// <summary>Its values are <c>(hidden)</c> wherever they are shown, logged or projected.</summary>
    public bool IsConfidential { get; init; }

    /// <summary>Its effect cannot be undone: never tried, reverted or part of a file. For an event key only <c>fire</c> is meant.</summary>
    public bool IsIrreversible { get; init; }

    internal JsonSchema Schema { get; }

    /// <summary>The values in words: <c>on, off</c> or <c>integer 0-999</c>.</summary>
    public string ValuesInWords()
    {
        if (Values.Count > 0)
            return string.Join(", ", Values.Select(value => value.ToLine()));
        if (Type == PolicyType.Integer)
            return Minimum is not null && Maximum is not null ? $"integer {Minimum}-{Maximum}" : "integer";
        return "text";
    }

    /// <summary>Whether the schema admits the value for this key; event rules are not judged here.</summary>
    public bool Admits(PolicyValue value) => Schema.Validate(value.ToJson()).Count == 0 && PolicyText.IsSafe(value);

    public override string ToString() => Name;
}
