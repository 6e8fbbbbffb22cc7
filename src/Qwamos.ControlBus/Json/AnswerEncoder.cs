using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Json;

/// <summary>
/// Escapes what JSON must escape and what a terminal would act on (<see cref="SafeText.IsDangerous"/>), and leaves the rest readable.
/// The framework's relaxed encoder lets bidirectional controls through; its default one writes + and é as escapes.
/// </summary>
internal sealed unsafe class AnswerEncoder : JavaScriptEncoder
{
    private static readonly SearchValues<char> PlainAscii =
        SearchValues.Create(string.Concat(Enumerable.Range(' ', '\x7f' - ' ').Select(c => (char)c).Where(c => c is not ('"' or '\\'))));

    internal static AnswerEncoder Instance { get; } = new();

    /// <summary>A rune beyond the basic plane becomes two escapes of six characters.</summary>
    public override int MaxOutputCharactersPerInputCharacter => 12;

    public override bool WillEncode(int unicodeScalar) => unicodeScalar switch
    {
        '"' or '\\' or < ' ' => true,
        < '\x7f' => false,
        _ => SafeText.IsDangerous(new Rune(unicodeScalar)),
    };

    public override int FindFirstCharacterToEncode(char* text, int textLength)
    {
        var span = new ReadOnlySpan<char>(text, textLength);
        for (var at = 0; at < span.Length;)
        {
            var step = span[at..].IndexOfAnyExcept(PlainAscii);
            if (step < 0) return -1;
            at += step;
            if (Rune.DecodeFromUtf16(span[at..], out var rune, out var length) != OperationStatus.Done || WillEncode(rune.Value)) return at;
            at += length;
        }
        return -1;
    }

    public override bool TryEncodeUnicodeScalar(int unicodeScalar, char* buffer, int bufferLength, out int numberOfCharactersWritten)
    {
        var output = new Span<char>(buffer, bufferLength);
        var shortForm = unicodeScalar switch { '"' => "\\\"", '\\' => "\\\\", '\n' => "\\n", '\r' => "\\r", '\t' => "\\t", _ => null };
        if (shortForm is not null)
        {
            numberOfCharactersWritten = shortForm.TryCopyTo(output) ? shortForm.Length : 0;
            return numberOfCharactersWritten > 0;
        }
        Span<char> units = stackalloc char[2];
        units = units[..new Rune(unicodeScalar).EncodeToUtf16(units)];
        numberOfCharactersWritten = 0;
        foreach (var unit in units)
        {
            if (!output[numberOfCharactersWritten..].TryWrite(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}", out var length)) return false;
            numberOfCharactersWritten += length;
        }
        return true;
    }
}
