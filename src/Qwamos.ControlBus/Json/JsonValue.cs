using System.Collections.Immutable;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Qwamos.ControlBus.Json;

/// <summary>
/// One I-JSON value (RFC 7493), immutable: strings hold no lone surrogates and no noncharacters, objects no name twice. Members stand in
/// document order. Two values are equal when they mean the same: objects whatever their order, numbers as the doubles they denote.
/// </summary>
public sealed class JsonValue : IEquatable<JsonValue>
{
    private readonly object? _payload; // string, token of a number that is no safe integer, JsonValue[], or KeyValuePair[]
    private readonly long _integer; // the number when _payload is null; 0 or 1 for a boolean

    internal JsonValue(JsonKind kind, object? payload, long integer = 0)
    {
        Kind = kind;
        _payload = payload;
        _integer = integer;
    }

    /// <summary>null.</summary>
    public static JsonValue Null { get; } = new(JsonKind.Null, null);

    /// <summary>true.</summary>
    public static JsonValue True { get; } = new(JsonKind.Boolean, null, 1);

    /// <summary>false.</summary>
    public static JsonValue False { get; } = new(JsonKind.Boolean, null);

    /// <summary>Which of the six kinds.</summary>
    public JsonKind Kind { get; }

    /// <summary>The text of a string.</summary>
    /// <exception cref="InvalidOperationException">Not a string.</exception>
    public string AsString => Kind == JsonKind.String ? (string)_payload! : throw Not(JsonKind.String);

    /// <summary>The value of a boolean.</summary>
    /// <exception cref="InvalidOperationException">Not a boolean.</exception>
    public bool AsBoolean => Kind == JsonKind.Boolean ? _integer != 0 : throw Not(JsonKind.Boolean);

    /// <summary>A number as a double, as RFC 8785 takes it; infinite when its token is beyond a double's range.</summary>
    /// <exception cref="InvalidOperationException">Not a number.</exception>
    public double AsDouble => Kind != JsonKind.Number ? throw Not(JsonKind.Number)
        : _payload is null ? _integer : double.Parse((string)_payload, NumberStyles.Float, CultureInfo.InvariantCulture);

    /// <summary>A number's digits as they stood in the document.</summary>
    /// <exception cref="InvalidOperationException">Not a number.</exception>
    public string NumberToken => Kind != JsonKind.Number ? throw Not(JsonKind.Number)
        : (string?)_payload ?? _integer.ToString(CultureInfo.InvariantCulture);

    /// <summary>True for a number written as `0|-?[1-9][0-9]*` within ±(2^53-1): the only numbers `msg` may hold.</summary>
    public bool IsInteger => Kind == JsonKind.Number && _payload is null;

    /// <summary>The elements of an array.</summary>
    /// <exception cref="InvalidOperationException">Not an array.</exception>
    public ImmutableArray<JsonValue> Items =>
        Kind == JsonKind.Array ? ImmutableCollectionsMarshal.AsImmutableArray((JsonValue[])_payload!) : throw Not(JsonKind.Array);

    /// <summary>The members of an object, in document order.</summary>
    /// <exception cref="InvalidOperationException">Not an object.</exception>
    public ImmutableArray<KeyValuePair<string, JsonValue>> Members => Kind == JsonKind.Object
        ? ImmutableCollectionsMarshal.AsImmutableArray((KeyValuePair<string, JsonValue>[])_payload!) : throw Not(JsonKind.Object);

    /// <summary>A string.</summary>
    /// <exception cref="ArgumentException">It holds a lone surrogate or a noncharacter.</exception>
    public static JsonValue Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return IJsonText.IsValid(text) ? new(JsonKind.String, text) : throw new ArgumentException("not an I-JSON string", nameof(text));
    }

    /// <summary>
    /// A string of a text that is shown and never signed: each lone surrogate and noncharacter becomes U+FFFD, for an answer must not be
    /// lost by one character.
    /// </summary>
    public static JsonValue Shown(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return new(JsonKind.String, IJsonText.IsValid(text) ? text : IJsonText.Replaced(text));
    }

    /// <summary>An integer within ±(2^53-1).</summary>
    /// <exception cref="ArgumentOutOfRangeException">Beyond that range.</exception>
    public static JsonValue Of(long number) => number is >= -Limits.MaxSafeInteger and <= Limits.MaxSafeInteger
        ? new(JsonKind.Number, null, number)
        : throw new ArgumentOutOfRangeException(nameof(number), "beyond 2^53-1, where JSON numbers stop being exact");

    /// <summary>A boolean.</summary>
    public static JsonValue Of(bool value) => value ? True : False;

    /// <summary>An array.</summary>
    public static JsonValue Array(params IEnumerable<JsonValue> items) => new(JsonKind.Array, items.ToArray());

    /// <summary>An array of strings.</summary>
    public static JsonValue Array(IEnumerable<string> items) => Array(items.Select(Of));

    /// <summary>An object, its members in this order.</summary>
    /// <exception cref="ArgumentException">A name stands twice, or is no I-JSON string.</exception>
    public static JsonValue Object(params IEnumerable<(string Name, JsonValue Value)> members) =>
        Object(members.Select(member => KeyValuePair.Create(member.Name, member.Value)));

    /// <inheritdoc cref="Object(IEnumerable{ValueTuple{string, JsonValue}})"/>
    public static JsonValue Object(IEnumerable<KeyValuePair<string, JsonValue>> members)
    {
        var all = members.ToArray();
        var names = new HashSet<string>(all.Length, StringComparer.Ordinal);
        foreach (var (name, _) in all)
            if (!names.Add(name) || !IJsonText.IsValid(name)) throw new ArgumentException("a member's name is bad or stands twice", nameof(members));
        return new(JsonKind.Object, all);
    }

    /// <summary>The integer, when <see cref="IsInteger"/>.</summary>
    public bool TryGetInteger(out long number)
    {
        number = IsInteger ? _integer : 0;
        return IsInteger;
    }

    /// <summary>The text, when this is a string.</summary>
    public bool TryGetString([NotNullWhen(true)] out string? text)
    {
        text = Kind == JsonKind.String ? (string)_payload! : null;
        return text is not null;
    }

    /// <summary>The member of this name; false when there is none, or this is no object.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out JsonValue? value)
    {
        if (Kind == JsonKind.Object)
        {
            foreach (var member in (KeyValuePair<string, JsonValue>[])_payload!)
            {
                if (member.Key != name) continue;
                value = member.Value;
                return true;
            }
        }
        value = null;
        return false;
    }

    /// <inheritdoc/>
    public bool Equals(JsonValue? other)
    {
        if (ReferenceEquals(this, other)) return true;
        if (other is null || other.Kind != Kind) return false;
        return Kind switch
        {
            JsonKind.Null => true,
            JsonKind.Boolean => _integer == other._integer,
            JsonKind.Number => IsInteger && other.IsInteger ? _integer == other._integer : AsDouble.Equals(other.AsDouble),
            JsonKind.String => AsString == other.AsString,
            JsonKind.Array => Items.AsSpan().SequenceEqual(other.Items.AsSpan()),
            JsonKind.Object => Members.Length == other.Members.Length && HoldsAllOf(other),
            _ => throw new UnreachableException(),
        };
    }

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as JsonValue);

    /// <inheritdoc/>
    public override int GetHashCode() => Kind switch
    {
        JsonKind.Boolean => (int)_integer,
        JsonKind.Number => AsDouble.GetHashCode(),
        JsonKind.String => AsString.GetHashCode(StringComparison.Ordinal),
        JsonKind.Array => HashCode.Combine(Kind, Items.Length),
        JsonKind.Object => HashCode.Combine(Kind, Members.Length),
        _ => 0,
    };

    /// <summary>Compact JSON in document order, for people; what is signed comes from <see cref="CanonicalJson"/>.</summary>
    public override string ToString() => JsonText.ToText(this);

    private bool HoldsAllOf(JsonValue other)
    {
        foreach (var (name, value) in other.Members)
            if (!TryGet(name, out var mine) || !mine.Equals(value)) return false;
        return true;
    }

    private InvalidOperationException Not(JsonKind wanted) => new($"a JSON {Kind}, not a {wanted}");
}
