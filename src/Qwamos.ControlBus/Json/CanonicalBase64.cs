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
}
