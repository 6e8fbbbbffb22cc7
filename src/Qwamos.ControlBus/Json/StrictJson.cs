using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Qwamos.ControlBus.Json;

/// <summary>
/// Reads I-JSON (RFC 7493) and nothing else (DESIGN section 3, ATTACKS 17-20): UTF-8 without a BOM, no name twice in an object however
/// escaped, no lone surrogate or noncharacter however escaped, nothing after the value, nesting at most 16. It never repairs. One pass;
/// time and memory are linear in the input.
/// </summary>
public static class StrictJson
{
    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <summary>Reads one value. The fault is one sentence without any of the input in it, saying at which byte (from 0).</summary>
    /// <param name="utf8">The whole text; white space before and after the value is allowed.</param>
    /// <param name="value">The value read.</param>
    /// <param name="fault">Why there is none.</param>
    /// <param name="maxBytes">Longest text.</param>
    /// <param name="maxDepth">Deepest nesting, an outermost array or object being 1.</param>
    public static bool TryParse(
        ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out JsonValue? value, [NotNullWhen(false)] out string? fault,
        int maxBytes = Limits.MaxRequestBytes, int maxDepth = Limits.MaxJsonDepth)
    {
        value = null;
        fault = FindFaultOfBytes(utf8, maxBytes);
        if (fault is not null) return false;
        var parser = new StrictParser(utf8, maxDepth);
        try
        {
            value = parser.ParseDocument();
            fault = value is null ? parser.Fault! : null;
        }
        catch (JsonException exception)
        {
            fault = parser.Explain(exception);
        }
        finally
        {
            parser.Dispose();
        }
        return value is not null;
    }

    /// <summary>
    /// Where the value of a member of the outermost object stands in the text, so that its exact bytes can be cut out. Only for text
    /// that <see cref="TryParse"/> takes; false when there is no such member.
    /// </summary>
    public static bool TryFindMember(ReadOnlySpan<byte> utf8, string name, out Range range, int maxDepth = Limits.MaxJsonDepth)
    {
        var reader = new Utf8JsonReader(utf8, StrictParser.OptionsFor(maxDepth));
        range = default;
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isWanted = reader.ValueTextEquals(name);
                reader.Read();
                var start = (int)reader.TokenStartIndex;
                reader.Skip();
                if (!isWanted) continue;
                range = start..(int)reader.BytesConsumed;
                return true;
            }
        }
        catch (JsonException)
        {
            // The caller's text was never parsed: it has no members that could be pointed at.
        }
        return false;
    }

    private static string? FindFaultOfBytes(ReadOnlySpan<byte> utf8, int maxBytes)
    {
        if (utf8.Length > maxBytes) return $"longer than {maxBytes} bytes";
        if (utf8.StartsWith(ByteOrderMark)) return "starts with a byte order mark";
        if (Utf8.IsValid(utf8)) return null;
        var at = 0;
        while (Rune.DecodeFromUtf8(utf8[at..], out _, out var length) == System.Buffers.OperationStatus.Done) at += length;
        return $"not UTF-8 at byte {at}";
    }
}
