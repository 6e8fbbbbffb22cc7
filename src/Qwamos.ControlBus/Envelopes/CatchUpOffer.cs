using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>
/// What a domain missed, beside a change that was made after it (docs/formats/delivery.md): the values that the change's <c>base</c> is the hash of, and the changes that
/// set those of them which the domain may not have.
/// </summary>
/// <param name="Before">The applied values of the domain's class before the change.</param>
/// <param name="Changes">At most 64.</param>
public sealed record CatchUpOffer(JsonValue Before, IReadOnlyList<OfferedEntry> Changes)
{
    /// <summary>Reads the form: exactly these members.</summary>
    public static bool TryRead(JsonValue json, [NotNullWhen(true)] out CatchUpOffer? offer, [NotNullWhen(false)] out string? fault)
    {
        ArgumentNullException.ThrowIfNull(json);
        offer = null;
        fault = $"catch_up is not an object of exactly before, an object, and changes, at most {Limits.MaxArgs} entries";
        if (json.Kind != JsonKind.Object || json.Members.Length != 2 || !json.TryGet("before", out var before) || before.Kind != JsonKind.Object
            || !json.TryGet("changes", out var list) || list.Kind != JsonKind.Array || list.Items.Length > Limits.MaxArgs)
            return false;
        var changes = new List<OfferedEntry>();
        foreach (var item in list.Items)
        {
            if (item.Kind != JsonKind.Object || !OfferedEntry.TryRead(item, out var entry, out var members, out _) || item.Members.Length != members)
                return false;
            changes.Add(entry);
        }
        offer = new CatchUpOffer(before, changes);
        fault = null;
        return true;
    }

    /// <summary>The form that is sent.</summary>
    public JsonValue ToJson() => JsonValue.Object([("before", Before), ("changes", JsonValue.Array(Changes.Select(change => JsonValue.Object(change.ToMembers()))))]);
}
