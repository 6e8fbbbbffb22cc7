using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>
/// The <c>args</c> of <c>deliver</c> (docs/formats/delivery.md): one entry of Dom0's ledger for a domain, and the proof that it is one. The operator's own
/// envelope, or a trust root, is in the leaf. As read, nothing of it is believed.
/// </summary>
/// <param name="Sequence">The delivery's number at this domain, from 1 on, without a gap.</param>
/// <param name="Entry">The entry.</param>
/// <param name="Size">Entries of the tree that its path leads to the root of: the one that the domain saw last.</param>
/// <param name="CatchUp">What the domain missed; null where nothing is said of that.</param>
/// <param name="IsBeforeUnknown">Dom0 cannot show what the change was built upon: a domain that has another policy refuses it for good. Never with <paramref name="CatchUp"/>.</param>
public sealed record DeliveryOffer(long Sequence, OfferedEntry Entry, long Size, CatchUpOffer? CatchUp = null, bool IsBeforeUnknown = false)
{
    private const int OwnMembers = 2;
    /// <summary>In the place of the number: a trust root that comes late has none.</summary>
    public const long Late = 0;

    private const string BeforeUnknown = "before_unknown";

    /// <summary>Reads the form: exactly these members.</summary>
    public static bool TryRead(JsonValue? json, [NotNullWhen(true)] out DeliveryOffer? offer, [NotNullWhen(false)] out string? fault)
    {
        offer = null;
        fault = "it is not an object of exactly seq, index and size from 0 on, leaf, path, for a confidential change envelope, and, if any and seq is not 0, catch_up or before_unknown, true";
        if (json is null || json.Kind != JsonKind.Object || !TryGetNumber(json, "seq", out var sequence) || !TryGetNumber(json, "size", out var size))
            return false;
        if (!OfferedEntry.TryRead(json, out var entry, out var members, out var why))
        {
            fault = why;
            return false;
        }
        CatchUpOffer? catchUp = null;
        if (json.TryGet("catch_up", out var missed))
        {
            members++;
            if (!CatchUpOffer.TryRead(missed, out catchUp, out why))
            {
                fault = why;
                return false;
            }
        }
        var isUnknown = catchUp is null && json.TryGet(BeforeUnknown, out var unknown) && unknown.Equals(JsonValue.True);
        if (json.Members.Length != members + OwnMembers + (isUnknown ? 1 : 0) || (sequence == Late && (catchUp is not null || isUnknown)))
            return false;
        offer = new DeliveryOffer(sequence, entry, size, catchUp, isUnknown);
        fault = null;
        return true;
    }

    /// <summary>The form that is sent.</summary>
    public JsonValue ToJson() => JsonValue.Object(
    [
        ("seq", JsonValue.Of(Sequence)),
        .. Entry.ToMembers(),
        .. IsBeforeUnknown ? [(BeforeUnknown, JsonValue.True)] : ReadOnlySpan<(string, JsonValue)>.Empty,
        .. CatchUp is { } missed ? [("catch_up", missed.ToJson())] : ReadOnlySpan<(string, JsonValue)>.Empty,
        ("size", JsonValue.Of(Size)),
    ]);

    private static bool TryGetNumber(JsonValue json, string name, out long number)
    {
        number = 0;
        return json.TryGet(name, out var value) && value.TryGetInteger(out number) && number >= 0;
    }
}
