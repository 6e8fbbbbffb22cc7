using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>A typed policy value: a string, an integer within +-(2^53-1), or a boolean.</summary>
public readonly record struct PolicyValue
{
    private readonly string? text;
    private readonly long number;

    private PolicyValue(PolicyType type, string? text, long number)
    {
        Type = type;
        this.text = text;
        this.number = number;
    }

    public PolicyType Type { get; }

    /// <summary>The string of a string value.</summary>
    public string Text => Type == PolicyType.String ? text ?? "" : throw new InvalidOperationException($"A value of type {Type} is no string.");

    /// <summary>The number of an integer value.</summary>
    public long Integer => Type == PolicyType.Integer ? number : throw new InvalidOperationException($"A value of type {Type} is no integer.");

    /// <summary>The truth of a boolean value.</summary>
    public bool Truth => Type == PolicyType.Boolean ? number != 0 : throw new InvalidOperationException($"A value of type {Type} is no boolean.");

    public static PolicyValue Of(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return new PolicyValue(PolicyType.String, value, 0);
    }

    public static PolicyValue Of(long value) => new(PolicyType.Integer, null, value);

    public static PolicyValue Of(bool value) => new(PolicyType.Boolean, null, value ? 1 : 0);

    /// <summary>Takes a string, an integer token or a boolean; false for anything else.</summary>
    public static bool TryFrom(JsonValue json, out PolicyValue value)
    {
        ArgumentNullException.ThrowIfNull(json);
        value = default;
        switch (json.Kind)
        {
            case JsonKind.String:
                value = Of(json.AsString);
                return true;
            case JsonKind.Boolean:
                value = Of(json.AsBoolean);
                return true;
            case JsonKind.Number when json.TryGetInteger(out var integer):
                value = Of(integer);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Converts what a person typed to the type of the key, exactly as the schema spells it; the fault says what is allowed.</summary>
    public static bool TryConvert(PolicyKey key, string typed, out PolicyValue value, out string fault)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(typed);
        fault = "";
        if (TryParse(key.Type, typed, out value) && key.Admits(value))
            return true;
        value = default;
        fault = $"{key.Name} must be {(key.Values.Count > 0 ? "one of " : "")}{key.ValuesInWords()}";
        if (NearestName.Of(typed, key.Values.Select(known => known.ToLine())) is { } nearest)
            fault += $"; did you mean {nearest}?";
        return false;
    }

    public JsonValue ToJson() => Type switch
    {
        PolicyType.Integer => JsonValue.Of(number),
        PolicyType.Boolean => JsonValue.Of(number != 0),
        _ => JsonValue.Of(text ?? ""),
    };

    /// <summary>The form of pending.conf and of hook arguments: strings bare, integers decimal, booleans true or false.</summary>
    public string ToLine() => Type switch
    {
        PolicyType.Integer => number.ToString(CultureInfo.InvariantCulture),
        PolicyType.Boolean => number != 0 ? "true" : "false",
        _ => text ?? "",
    };

    public override string ToString() => ToLine();

    private static bool TryParse(PolicyType type, string typed, out PolicyValue value)
    {
        value = Of(typed);
        switch (type)
        {
            case PolicyType.Boolean:
                value = Of(typed == "true");
                return typed is "true" or "false";
            case PolicyType.Integer:
                var read = long.TryParse(typed, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer);
                value = Of(integer);
                return read && Math.Abs((decimal)integer) <= Limits.MaxSafeInteger;
            default:
                return true;
        }
    }
}
