using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>A value of one policy key as an applier of the boot put it in place.</summary>
/// <param name="Set">The value, and the entry that staged it.</param>
/// <param name="Result">One of <see cref="BootResult"/>'s good ones: what it is, or will be when it is applied.</param>
/// <param name="State">How far it has proven itself.</param>
/// <param name="Before">The last known good while it has not; null when the key was never set.</param>
public sealed record BootValue(Applied Set, string Result, BootValueState State, Applied? Before)
{
    private const int MaxStateCodePoints = 8;

    /// <summary>The last known good of its key; null when there is none but the default.</summary>
    public Applied? LastGood => State == BootValueState.Good ? Set : Before;

    /// <summary>The document's form of a state.</summary>
    public static string NameOf(BootValueState state) => state switch
    {
        BootValueState.Good => "good",
        BootValueState.Waiting => "waiting",
        _ => "trial",
    };

    /// <summary>The form in <c>assessment.json</c> and for programs.</summary>
    public JsonValue ToJson() => JsonValue.Object(
    [
        .. Members(Set),
        ("result", JsonValue.Of(Result)),
        ("state", JsonValue.Of(NameOf(State))),
        ("before", ToJson(Before)),
    ]);

    /// <summary>A value with its entry; null for none.</summary>
    public static JsonValue ToJson(Applied? set) => set is { } known ? JsonValue.Object(Members(known)) : JsonValue.Null;

    internal static BootValue Read(JsonValue document, MemberReader outer)
    {
        var reader = new MemberReader(document, "a value of the boot");
        var set = new Applied(reader.Value("value"), reader.Integer("index", 0, Limits.MaxSafeInteger));
        var result = reader.Text("result", BootResult.MaxTextCodePoints);
        var state = reader.Text("state", MaxStateCodePoints);
        var before = ReadKnown("before", reader);
        var known = Enum.GetValues<BootValueState>().Where(each => NameOf(each) == state).ToList();
        if (known.Count == 0)
            reader.Refuse($"the state {state} of a value is not known");
        if (!reader.Finish(out var fault))
            outer.Refuse(fault);
        return new BootValue(set, result, known.FirstOrDefault(), before);
    }

    internal static Applied? ReadKnown(string name, MemberReader outer)
    {
        if (outer.Any(name) is not { Kind: not JsonKind.Null } document)
            return null;
        var reader = new MemberReader(document, name);
        var set = new Applied(reader.Value("value"), reader.Integer("index", 0, Limits.MaxSafeInteger));
        if (!reader.Finish(out var fault))
            outer.Refuse(fault);
        return set;
    }

    internal static IEnumerable<(string, JsonValue)> Members(Applied set) => [("value", set.Value.ToJson()), ("index", JsonValue.Of(set.Index))];
}
