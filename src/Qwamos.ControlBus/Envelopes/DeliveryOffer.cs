using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>
/// The <c>args</c> of <c>deliver</c> (docs/formats/delivery.md): one entry of Dom0's ledger for a domain, and the proof that it is one. The operator's own
/// envelope, or a trust root, is in the leaf. As read, nothing of it is believed.
/// </summary>
/// <param name="Sequence">The delivery's number at this domain, from 1 on, without a gap.</param>
/// <param name="Index">The entry.</param>
/// <param name="Leaf">The leaf's exact bytes, at most 65,535.</param>
/// <param name="Envelope">The envelope of a confidential change, whose leaf holds its hash only; null for any other.</param>
/// <param name="Size">Entries of the tree that the path leads to the root of: the one that the domain saw last.</param>
/// <param name="Path">RFC 6962's audit path: at most 64 hashes of 32 bytes.</param>
public sealed record DeliveryOffer(long Sequence, long Index, byte[] Leaf, byte[]? Envelope, long Size, IReadOnlyList<byte[]> Path)
{
    private const int HashBytes = 32;
    private const int Members = 5;

    /// <summary>Reads the form: exactly these members.</summary>
    public static bool TryRead(JsonValue? json, [NotNullWhen(true)] out DeliveryOffer? offer, [NotNullWhen(false)] out string? fault)
    {
        offer = null;
        fault = "it is not an object of exactly seq from 1 on, index and size from 0 on, leaf, path, and, for a confidential change, envelope";
        if (json is null || json.Kind != JsonKind.Object
            || !TryGetNumber(json, "seq", out var sequence) || sequence < 1 || !TryGetNumber(json, "index", out var index) || !TryGetNumber(json, "size", out var size)
            || !json.TryGet("leaf", out var leafText) || !json.TryGet("path", out var pathList) || pathList.Kind != JsonKind.Array)
            return false;
        var isConfidential = json.TryGet("envelope", out var envelopeText);
        if (json.Members.Length != (isConfidential ? Members + 1 : Members))
            return false;
        fault = $"leaf is not canonical base64 of 1 to {Limits.MaxLeafBytes} bytes";
        if (!CanonicalBase64.TryDecode(leafText, Limits.MaxLeafBytes, out var leaf))
            return false;
        fault = $"envelope is not canonical base64 of 1 to {Limits.MaxRequestBytes} bytes";
        byte[]? envelope = null;
        if (isConfidential && !CanonicalBase64.TryDecode(envelopeText!, Limits.MaxRequestBytes, out envelope))
            return false;
        fault = $"path is not a list of at most {Limits.MaxProofHashes} hashes in canonical base64";
        if (!CanonicalBase64.TryDecodeHashes(pathList, HashBytes, out var path))
            return false;
        offer = new DeliveryOffer(sequence, index, leaf, envelope, size, path);
        fault = null;
        return true;
    }

    /// <summary>The form that is sent.</summary>
    public JsonValue ToJson() => JsonValue.Object(
    [
        ("seq", JsonValue.Of(Sequence)),
        ("index", JsonValue.Of(Index)),
        ("leaf", JsonValue.Of(Convert.ToBase64String(Leaf))),
        .. Envelope is { } envelope ? [("envelope", JsonValue.Of(Convert.ToBase64String(envelope)))] : ReadOnlySpan<(string, JsonValue)>.Empty,
        ("size", JsonValue.Of(Size)),
        ("path", JsonValue.Array(Path.Select(Convert.ToBase64String))),
    ]);

    private static bool TryGetNumber(JsonValue json, string name, out long number)
    {
        number = 0;
        return json.TryGet(name, out var value) && value.TryGetInteger(out number) && number >= 0;
    }
}
