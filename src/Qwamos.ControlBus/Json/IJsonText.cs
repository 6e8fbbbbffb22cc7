using System.Text;

namespace Qwamos.ControlBus.Json;

/// <summary>
/// What RFC 7493 section 2.1 forbids in names and strings: surrogates without their other half, and noncharacters (U+FDD0-U+FDEF, and
/// the last two code points of every plane).
/// </summary>
internal static class IJsonText
{
    internal static bool IsValid(ReadOnlySpan<char> text)
    {
        var at = text.IndexOfAnyInRange('\uD800', '\uFFFF');
        if (at < 0) return true;
        for (; at < text.Length; at++)
        {
            var unit = text[at];
            if (unit < '\uD800') continue;
            if (char.IsSurrogate(unit))
            {
                if (at + 1 == text.Length || !char.IsSurrogatePair(unit, text[at + 1])) return false;
                if ((char.ConvertToUtf32(unit, text[++at]) & 0xFFFE) == 0xFFFE) return false;
            }
            else if (unit is (>= '\uFDD0' and <= '\uFDEF') or >= '\uFFFE')
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>The text with U+FFFD for each code point that is forbidden.</summary>
    internal static string Replaced(string text)
    {
        var sound = new StringBuilder(text.Length);
        Span<char> units = stackalloc char[2];
        foreach (var rune in text.EnumerateRunes()) // a lone surrogate comes as U+FFFD
        {
            var length = rune.EncodeToUtf16(units);
            if (IsValid(units[..length])) sound.Append(units[..length]);
            else sound.Append('\uFFFD');
        }
        return sound.ToString();
    }
}
