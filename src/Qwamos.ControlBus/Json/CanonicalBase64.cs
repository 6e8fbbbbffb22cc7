using System.Diagnostics.CodeAnalysis;

namespace Qwamos.ControlBus.Json;

/// <summary>
/// Base64 of RFC 4648 section 4 with exactly one spelling a value: standard alphabet, padding, unused bits zero, no white space.
/// The framework's decoder is lenient, so the text must equal what encoding gives back.
/// </summary>
internal static class CanonicalBase64
{
    /// <summary>Fills <paramref name="destination"/> exactly; false for any other length or spelling.</summary>
    public static bool TryDecode(string text, Span<byte> destination)
    {
        int expectedChars = (destination.Length + 2) / 3 * 4;
        if (text.Length != expectedChars)
            return false;
        if (!Convert.TryFromBase64String(text, destination, out int written) || written != destination.Length)
            return false;
        Span<char> again = stackalloc char[expectedChars];
        return Convert.TryToBase64Chars(destination, again, out int chars) && again[..chars].SequenceEqual(text);
    }

    /// <summary>A string of 1 to <paramref name="maxBytes"/> bytes.</summary>
    public static bool TryDecode(JsonValue value, int maxBytes, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        if (!value.TryGetString(out string? text) || text.Length is 0 || text.Length > (maxBytes + 2) / 3 * 4)
            return false;
        byte[] decoded = new byte[text.Length / 4 * 3];
        if (!Convert.TryFromBase64String(text, decoded, out int length) || length is 0 || length > maxBytes || Convert.ToBase64String(decoded, 0, length) != text)
            return false;
        bytes = decoded[..length];
        return true;
    }

    /// <summary>A list of at most <see cref="Limits.MaxProofHashes"/> strings, each of exactly so many bytes.</summary>
    public static bool TryDecodeHashes(JsonValue list, int hashBytes, [NotNullWhen(true)] out byte[][]? hashes)
    {
        hashes = null;
        if (list.Kind != JsonKind.Array || list.Items.Length > Limits.MaxProofHashes)
            return false;
        byte[][] decoded = new byte[list.Items.Length][];
        for (int i = 0; i < decoded.Length; i++)
        {
            decoded[i] = new byte[hashBytes];
            if (!list.Items[i].TryGetString(out string? text) || !TryDecode(text, decoded[i]))
                return false;
        }

        hashes = decoded;
        return true;
    }
}
