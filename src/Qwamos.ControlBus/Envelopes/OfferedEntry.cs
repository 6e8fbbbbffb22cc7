using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>One entry of Dom0's ledger as it is delivered, and the path that proves it. As read, nothing of it is believed.</summary>
/// <param name="Index">The entry.</param>
/// <param name="Leaf">The leaf's exact bytes, at most 65,535.</param>
/// <param name="Envelope">The envelope of a confidential change, whose leaf holds its hash only; null for any other.</param>
/// <param name="Path">RFC 6962's audit path: at most 64 hashes of 32 bytes.</param>
public sealed record OfferedEntry(long Index, byte[] Leaf, byte[]? Envelope, IReadOnlyList<byte[]> Path)
{
    private const int HashBytes = 32;

    /// <summary>The members of an object that are an entry's, and how many they are; false with a clause when they are not of this form.</summary>
    public static bool TryRead(JsonValue json, [NotNullWhen(true)] out OfferedEntry? entry, out int members, [NotNullWhen(false)] out string? fault)
    {
        ArgumentNullException.ThrowIfNull(json);
        entry = null;
        members = 3;
        fault = "an entry has index from 0 on, leaf, path, and, for a confidential change, envelope";
        if (!json.TryGet("index", out var number) || !number.TryGetInteger(out var index) || index < 0
            || !json.TryGet("leaf", out var leafText) || !json.TryGet("path", out var pathList) || pathList.Kind != JsonKind.Array)
            return false;
        fault = $"leaf is not canonical base64 of 1 to {Limits.MaxLeafBytes} bytes";
        if (!CanonicalBase64.TryDecode(leafText, Limits.MaxLeafBytes, out var leaf))
            return false;
        fault = $"envelope is not canonical base64 of 1 to {Limits.MaxRequestBytes} bytes";
        byte[]? envelope = null;
        if (json.TryGet("envelope", out var envelopeText))
        {
            members++;
            if (!CanonicalBase64.TryDecode(envelopeText, Limits.MaxRequestBytes, out envelope))
                return false;
        }
        fault = $"path is not a list of at most {Limits.MaxProofHashes} hashes in canonical base64";
        if (!CanonicalBase64.TryDecodeHashes(pathList, HashBytes, out var path))
            return false;
        entry = new OfferedEntry(index, leaf, envelope, path);
        fault = null;
        return true;
    }

    /// <summary>The members that are sent.</summary>
    public IEnumerable<(string Name, JsonValue Value)> ToMembers() =>
    [
        ("index", JsonValue.Of(Index)),
        ("leaf", JsonValue.Of(Convert.ToBase64String(Leaf))),
        .. Envelope is { } envelope ? [("envelope", JsonValue.Of(Convert.ToBase64String(envelope)))] : Array.Empty<(string, JsonValue)>(),
        ("path", JsonValue.Array(Path.Select(Convert.ToBase64String))),
    ];
}
