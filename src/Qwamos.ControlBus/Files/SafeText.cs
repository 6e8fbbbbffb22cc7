using System.Globalization;
using System.Text;

namespace Qwamos.ControlBus.Files;

/// <summary>
/// Makes text from outside safe for a log line or a terminal (ATTACKS 21): what could move the cursor, colour, hide, or reorder what is
/// read (C0, DEL, C1, bidirectional controls, invisible format characters, line and paragraph separators, unpaired surrogates) becomes
/// \u{XX}. Text without such characters is returned as it is.
/// </summary>
public static class SafeText
{
    /// <summary>The text with every dangerous character written as \u{XX} in upper-case hexadecimal.</summary>
    public static string ForTerminal(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var i = 0;
        while (i < text.Length && text[i] is >= ' ' and < '\x7f') i++;
        return i == text.Length ? text : Escape(text, i);
    }

    /// <summary>The same for bytes that ought to be UTF-8; what is not becomes U+FFFD.</summary>
    public static string ForTerminal(ReadOnlySpan<byte> utf8) => ForTerminal(Encoding.UTF8.GetString(utf8));

    /// <summary>True when a rune must not reach a terminal or a log line as it is.</summary>
    public static bool IsDangerous(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;

    private static string Escape(string text, int start)
    {
        var safe = new StringBuilder(text.Length + 16).Append(text, 0, start);
        for (var i = start; i < text.Length;)
        {
            if (!Rune.TryGetRuneAt(text, i, out var rune))
            {
                AppendEscape(safe, text[i++]);
                continue;
            }
            if (IsDangerous(rune)) AppendEscape(safe, rune.Value);
            else safe.Append(text, i, rune.Utf16SequenceLength);
            i += rune.Utf16SequenceLength;
        }
        return safe.ToString();
    }

    private static void AppendEscape(StringBuilder safe, int codePoint) =>
        safe.Append("\\u{").Append(codePoint.ToString("X2", CultureInfo.InvariantCulture)).Append('}');
}
