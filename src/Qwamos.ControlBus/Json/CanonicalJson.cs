using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Qwamos.ControlBus.Json;

/// <summary>
/// The JSON Canonicalization Scheme, RFC 8785: no white space, members by the UTF-16 code units of their names, shortest strings,
/// numbers as ECMAScript writes them. What is signed and what is hashed are these bytes.
/// </summary>
public static class CanonicalJson
{
    private const int InitialBytes = 512;

    // What one thread writes in is used again, unless something was long.
    private const int MaxKeptBytes = 65_536;

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? kept;

    private static readonly SearchValues<char> NeedEscape = SearchValues.Create(
        "\0\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000B\f\r\u000E\u000F\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001A\u001B\u001C\u001D\u001E\u001F\"\\");

    /// <summary>The canonical bytes.</summary>
    /// <exception cref="ArgumentException">A number is beyond a double's range: it has no canonical form.</exception>
    public static byte[] Write(JsonValue value)
    {
        var output = kept ?? new ArrayBufferWriter<byte>(InitialBytes);
        kept = null;
        Write(value, output);
        var canonical = output.WrittenSpan.ToArray();
        output.ResetWrittenCount();
        kept = output.Capacity <= MaxKeptBytes ? output : null;
        return canonical;
    }

    /// <summary>The canonical bytes, appended.</summary>
    /// <exception cref="ArgumentException">A number is beyond a double's range: it has no canonical form.</exception>
    public static void Write(JsonValue value, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(value);
        ArgumentNullException.ThrowIfNull(output);
        WriteValue(value, output);
    }

    private static void WriteValue(JsonValue value, IBufferWriter<byte> output)
    {
        switch (value.Kind)
        {
            case JsonKind.Null:
                output.Write("null"u8);
                break;
            case JsonKind.Boolean:
                output.Write(value.AsBoolean ? "true"u8 : "false"u8);
                break;
            case JsonKind.Number:
                WriteNumber(value, output);
                break;
            case JsonKind.String:
                WriteString(value.AsString, output);
                break;
            case JsonKind.Array:
                WriteArray(value, output);
                break;
            case JsonKind.Object:
                WriteObject(value, output);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static void WriteArray(JsonValue value, IBufferWriter<byte> output)
    {
        var separator = (byte)'[';
        foreach (var item in value.Items)
        {
            WriteByte(separator, output);
            WriteValue(item, output);
            separator = (byte)',';
        }
        output.Write(separator == '[' ? "[]"u8 : "]"u8);
    }

    private static void WriteObject(JsonValue value, IBufferWriter<byte> output)
    {
        var members = value.Members.AsSpan();
        if (!IsSorted(members))
        {
            var sorted = members.ToArray();
            Array.Sort(sorted, static (a, b) => string.CompareOrdinal(a.Key, b.Key)); // by UTF-16 code units (section 3.2.3)
            members = sorted;
        }
        var separator = (byte)'{';
        foreach (var (name, member) in members)
        {
            WriteByte(separator, output);
            WriteString(name, output);
            WriteByte((byte)':', output);
            WriteValue(member, output);
            separator = (byte)',';
        }
        output.Write(separator == '{' ? "{}"u8 : "}"u8);
    }

    private static bool IsSorted(ReadOnlySpan<KeyValuePair<string, JsonValue>> members)
    {
        for (var i = 1; i < members.Length; i++)
            if (string.CompareOrdinal(members[i - 1].Key, members[i].Key) > 0) return false;
        return true;
    }

    private static void WriteNumber(JsonValue value, IBufferWriter<byte> output)
    {
        var text = output.GetSpan(EcmaNumber.MaxBytes);
        int length;
        if (value.TryGetInteger(out var integer)) integer.TryFormat(text, out length, default, CultureInfo.InvariantCulture);
        else length = EcmaNumber.Format(value.AsDouble, text);
        output.Advance(length);
    }

    private static void WriteString(ReadOnlySpan<char> text, IBufferWriter<byte> output)
    {
        WriteByte((byte)'"', output);
        while (true)
        {
            var run = text.IndexOfAny(NeedEscape);
            WriteRun(run < 0 ? text : text[..run], output);
            if (run < 0) break;
            WriteEscape(text[run], output);
            text = text[(run + 1)..];
        }
        WriteByte((byte)'"', output);
    }

    private static void WriteRun(ReadOnlySpan<char> text, IBufferWriter<byte> output)
    {
        if (text.IsEmpty) return;
        var span = output.GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length));
        output.Advance(Encoding.UTF8.GetBytes(text, span));
    }

    // The short escapes where there are some, else lower-case hexadecimal (section 3.2.2.2).
    private static void WriteEscape(char c, IBufferWriter<byte> output)
    {
        switch (c)
        {
            case '\b': output.Write("\\b"u8); break;
            case '\t': output.Write("\\t"u8); break;
            case '\n': output.Write("\\n"u8); break;
            case '\f': output.Write("\\f"u8); break;
            case '\r': output.Write("\\r"u8); break;
            case '"': output.Write("\\\""u8); break;
            case '\\': output.Write("\\\\"u8); break;
            default: output.Write([(byte)'\\', (byte)'u', (byte)'0', (byte)'0', (byte)('0' + (c >> 4)), "0123456789abcdef"u8[c & 15]]); break;
        }
    }

    private static void WriteByte(byte value, IBufferWriter<byte> output)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }
}
