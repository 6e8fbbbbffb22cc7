using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Json;

/// <summary>
/// Takes the members of an object one by one and notes the first fault; <see cref="Finish"/> also refuses members that
/// nobody asked for. For small documents of our own: configuration, snapshots, boot notes, trust roots.
/// </summary>
public sealed class MemberReader
{
    private readonly JsonValue document;
    private readonly string what;
    private readonly HashSet<string> asked = new(StringComparer.Ordinal);
    private string fault = "";
    private bool isOfAbsence;

    public MemberReader(JsonValue document, string what)
    {
        this.document = document;
        this.what = what;
        if (document.Kind != JsonKind.Object)
            Refuse($"{what} is not an object");
    }

    /// <summary>The first fault so far; null while there is none.</summary>
    public string? FirstFault => fault.Length > 0 ? fault : null;

    /// <summary>Notes a fault; the first one stays.</summary>
    public void Refuse(string why)
    {
        if (fault.Length == 0)
            fault = SafeText.ForTerminal(why);
    }

    /// <summary>The same, said with where this reader is.</summary>
    public void RefuseHere(string why) => Refuse($"{what}: {why}");

    /// <summary>How a fault names a member, for a reader of what is in it.</summary>
    public string PlaceOf(string name) => $"{what}: {name}";

    /// <summary>False with the first fault, an unknown member included: which goes before that one is missing, for that is how a misspelt one looks.</summary>
    public bool Finish(out string firstFault)
    {
        if (document.Kind == JsonKind.Object && document.Members.FirstOrDefault(member => !asked.Contains(member.Key)) is { Key: { } unknown })
        {
            if (isOfAbsence)
                fault = "";
            Refuse($"{what} has an unknown member \"{unknown}\" (known: {string.Join(", ", asked.Order(StringComparer.Ordinal))})");
        }
        firstFault = fault;
        return fault.Length == 0;
    }

    public long Integer(string name, long minimum, long maximum)
    {
        if (TryTake(name, JsonKind.Number, "an integer", out var value) && value.TryGetInteger(out var integer) && integer >= minimum && integer <= maximum)
            return integer;
        Refuse($"{what}: {name} must be {(minimum == maximum ? $"{minimum}" : $"an integer from {minimum} to {maximum}")}");
        return minimum;
    }

    /// <summary>The same where the member may be absent.</summary>
    public long Integer(string name, long minimum, long maximum, long absent)
    {
        asked.Add(name);
        return document.Kind == JsonKind.Object && document.TryGet(name, out _) ? Integer(name, minimum, maximum) : absent;
    }

    public bool Boolean(string name)
    {
        TryTake(name, JsonKind.Boolean, "true or false", out var value);
        return value.Kind == JsonKind.Boolean && value.AsBoolean;
    }

    public string Text(string name, int maxCodePoints)
    {
        if (!TryTake(name, JsonKind.String, "a string", out var value))
            return "";
        if (CodePoints.Count(value.AsString) > maxCodePoints)
            Refuse($"{what}: {name} is longer than {maxCodePoints} characters");
        return value.AsString;
    }

    /// <summary>64 lower-case hex digits.</summary>
    public string Hash(string name)
    {
        var text = Text(name, 64);
        if (text.Length != 64 || !text.All(char.IsAsciiHexDigitLower) && fault.Length == 0)
            Refuse($"{what}: {name} must be 64 lower-case hex digits");
        return text;
    }

    /// <summary>A member of whatever kind, for the caller to judge; a missing one is a fault.</summary>
    public JsonValue Any(string name)
    {
        if (!TryTake(name, out var value))
            RefuseAbsence($"{what}: {name} is missing");
        return value;
    }

    public IReadOnlyList<JsonValue> Array(string name, int maxItems)
    {
        if (!TryTake(name, JsonKind.Array, "an array", out var value))
            return [];
        if (value.Items.Length > maxItems)
            Refuse($"{what}: {name} has more than {maxItems} items");
        return value.Items;
    }

    /// <summary>The same where the member may be absent: then there are none.</summary>
    public IReadOnlyList<JsonValue> ArrayIfPresent(string name, int maxItems)
    {
        asked.Add(name);
        return document.Kind == JsonKind.Object && document.TryGet(name, out _) ? Array(name, maxItems) : [];
    }

    /// <summary>A member of whatever kind; null where it is absent.</summary>
    public JsonValue? AnyIfPresent(string name) => TryTake(name, out var value) ? value : null;

    /// <summary>A string where the member may be absent: then null.</summary>
    public string? TextIfPresent(string name, int maxCodePoints)
    {
        asked.Add(name);
        return document.Kind == JsonKind.Object && document.TryGet(name, out _) ? Text(name, maxCodePoints) : null;
    }

    public IReadOnlyList<KeyValuePair<string, JsonValue>> Object(string name)
        => TryTake(name, JsonKind.Object, "an object", out var value) ? value.Members : [];

    private void RefuseAbsence(string why)
    {
        isOfAbsence |= fault.Length == 0;
        Refuse(why);
    }

    private bool TryTake(string name, JsonKind kind, string words, out JsonValue value)
    {
        if (!TryTake(name, out value))
            RefuseAbsence($"{what}: {name} must be {words}");
        else if (value.Kind == kind)
            return true;
        else
            Refuse($"{what}: {name} must be {words}");
        return false;
    }

    private bool TryTake(string name, out JsonValue value)
    {
        asked.Add(name);
        if (document.Kind == JsonKind.Object && document.TryGet(name, out var found))
        {
            value = found;
            return true;
        }
        value = JsonValue.Null;
        return false;
    }
}
