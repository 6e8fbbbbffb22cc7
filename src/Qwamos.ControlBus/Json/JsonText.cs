using System.Buffers;
using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Qwamos.ControlBus.Json;

/// <summary>
/// Builds JSON that is read by others and not signed: answers, status files, `-o json`. What a terminal would act on is
/// always escaped, so that no answer carries an escape sequence to it raw (ATTACKS 21).
/// </summary>
public static class JsonText
{
    private const int InitialBytes = 512;

    // What one thread writes with is used again, unless something was long.
    private const int MaxKeptBytes = 65_536;

    [ThreadStatic]
    private static (ArrayBufferWriter<byte> Output, Utf8JsonWriter Writer)? kept;

    private static readonly JsonWriterOptions Compact = new() { Encoder = AnswerEncoder.Instance };
    private static readonly JsonWriterOptions Indented = Compact with { Indented = true, NewLine = "\n" };

    /// <summary>One line: what <paramref name="write"/> writes (one value), and a newline.</summary>
    public static byte[] Line(Action<Utf8JsonWriter> write) => Line(write, static (writer, write) => write(writer));

    /// <summary>The same, given what it is written from: no closure is made for a line that comes often.</summary>
    public static byte[] Line<T>(T from, Action<Utf8JsonWriter, T> write)
    {
        var (output, writer) = kept ?? Make();
        // Whoever writes a line while this one is written makes a pair of his own.
        kept = null;
        write(writer, from);
        writer.Flush();
        output.Write("\n"u8);
        var line = output.WrittenSpan.ToArray();
        // Cleared, not only set back: a line may show what a later one must not.
        output.Clear();
        writer.Reset();
        kept = output.Capacity <= MaxKeptBytes ? (output, writer) : null;
        return line;
    }

    /// <summary>One line: the value in document order, and a newline.</summary>
    public static byte[] Line(JsonValue value) => Line(writer => Write(writer, value));

    /// <summary>What <paramref name="write"/> writes (one value), compact or indented, without a newline at the end.</summary>
    public static byte[] Bytes(Action<Utf8JsonWriter> write, bool isIndented = false)
    {
        var output = new ArrayBufferWriter<byte>(InitialBytes);
        using (var writer = new Utf8JsonWriter(output, isIndented ? Indented : Compact)) write(writer);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>The value in document order, compact or indented, without a newline at the end.</summary>
    public static byte[] Bytes(JsonValue value, bool isIndented = false) => Bytes(writer => Write(writer, value), isIndented);

    /// <summary>The value in document order, as text.</summary>
    public static string ToText(JsonValue value, bool isIndented = false) => Encoding.UTF8.GetString(Bytes(value, isIndented));

    /// <summary>Writes a value in document order.</summary>
    public static void Write(Utf8JsonWriter writer, JsonValue value)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(value);
        switch (value.Kind)
        {
            case JsonKind.Null:
                writer.WriteNullValue();
                break;
            case JsonKind.Boolean:
                writer.WriteBooleanValue(value.AsBoolean);
                break;
            case JsonKind.Number:
                if (value.TryGetInteger(out var integer)) writer.WriteNumberValue(integer);
                else writer.WriteRawValue(value.NumberToken);
                break;
            case JsonKind.String:
                writer.WriteStringValue(value.AsString);
                break;
            case JsonKind.Array:
                writer.WriteStartArray();
                foreach (var item in value.Items) Write(writer, item);
                writer.WriteEndArray();
                break;
            case JsonKind.Object:
                writer.WriteStartObject();
                foreach (var (name, member) in value.Members)
                {
                    writer.WritePropertyName(name);
                    Write(writer, member);
                }
                writer.WriteEndObject();
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static (ArrayBufferWriter<byte>, Utf8JsonWriter) Make()
    {
        var output = new ArrayBufferWriter<byte>(InitialBytes);
        return (output, new Utf8JsonWriter(output, Compact));
    }
}
