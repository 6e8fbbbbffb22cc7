using Qwamos.ControlBus.Json;

namespace Qwamos.Daemon.Delivery;

/// <summary>What status says of one gateway as a witness. Immutable; replaced whole.</summary>
/// <param name="State">How it stands.</param>
/// <param name="Size">The size of the tree that it took last; null before the first.</param>
/// <param name="Seconds">When it cosigned that, by its own clock, unix seconds; null when it did not.</param>
/// <param name="Key">Its verifier key.</param>
/// <param name="Trust">How it trusts the ledger's key, in its own words.</param>
/// <param name="Fault">Why the last attempt failed, one bounded clause; null when it did not.</param>
internal sealed record WitnessRow(WitnessState State, long? Size = null, long? Seconds = null, string? Key = null, string? Trust = null, string? Fault = null)
{
    public JsonValue ToJson()
    {
        List<(string, JsonValue)> members = [("state", JsonValue.Of(Word))];
        if (Size is { } size)
            members.Add(("size", JsonValue.Of(size)));
        if (Seconds is { } seconds)
            members.Add(("time", JsonValue.Of(seconds)));
        foreach ((string name, string? text) in (ReadOnlySpan<(string, string?)>)[("key", Key), ("trust", Trust), ("fault", Fault)])
        {
            if (text is not null)
                members.Add((name, JsonValue.Shown(text)));
        }

        return JsonValue.Object(members);
    }

    /// <summary>Reads that form; what is wrong is a fault of the reader's.</summary>
    public static WitnessRow Read(JsonValue json, MemberReader outer)
    {
        if (json.Kind != JsonKind.Object)
        {
            outer.Refuse("witness is not an object");
            return new WitnessRow(WitnessState.Unknown);
        }

        WitnessState state = Enum.GetValues<WitnessState>().FirstOrDefault(state => new WitnessRow(state).Word == Text(json, "state"));
        return new WitnessRow(state, Number(json, "size"), Number(json, "time"), Text(json, "key"), Text(json, "trust"), Text(json, "fault"));
    }

    private static long? Number(JsonValue json, string name) => json.TryGet(name, out JsonValue? value) && value.TryGetInteger(out long number) ? number : null;

    private static string? Text(JsonValue json, string name) => json.TryGet(name, out JsonValue? value) && value.TryGetString(out string? text) ? text : null;

    private string Word => State switch
    {
        WitnessState.Cosigns => "cosigns",
        WitnessState.Pinned => "pinned",
        WitnessState.NoWitness => "no witness",
        WitnessState.Alarm => "alarm",
        WitnessState.Failing => "failing",
        WitnessState.Refuses => "refuses",
        _ => "unknown",
    };
}
