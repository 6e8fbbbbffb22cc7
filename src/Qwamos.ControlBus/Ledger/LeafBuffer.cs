using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Ledger;

/// <summary>Where a leaf is written, straight as UTF-8: the writer makes one for each entry, and a JSON writer costs more than the rest of it.</summary>
internal ref struct LeafBuffer
{
    private const int InitialBytes = 1_024;
    private const int MaxIntegerBytes = 20;

    private static readonly SearchValues<char> Plain =
        SearchValues.Create(string.Concat(Enumerable.Range(' ', '\x7f' - ' ').Select(c => (char)c).Where(c => c is not ('"' or '\\'))));

    private byte[] _bytes;

    public LeafBuffer() => _bytes = ArrayPool<byte>.Shared.Rent(InitialBytes);

    /// <summary>Bytes written.</summary>
    public int Length { get; private set; }

    public void Add(scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Room(bytes.Length));
        Length += bytes.Length;
    }

    /// <summary>A number in decimal.</summary>
    public void Add(long number)
    {
        Utf8Formatter.TryFormat(number, Room(MaxIntegerBytes), out var written);
        Length += written;
    }

    /// <summary>Text that needs no escape: hexadecimal digits.</summary>
    public void AddAscii(string text) => Length += Encoding.ASCII.GetBytes(text, Room(text.Length));

    /// <summary>A JSON string, its quotes included, escaped as <see cref="JsonText"/> does.</summary>
    public void AddString(string text)
    {
        Add("\""u8);
        if (text.AsSpan().IndexOfAnyExcept(Plain) < 0)
            AddAscii(text);
        else
            Add(JsonEncodedText.Encode(text, AnswerEncoder.Instance).EncodedUtf8Bytes);
        Add("\""u8);
    }

    /// <summary>What was written; nothing can be added after it.</summary>
    public byte[] Finish()
    {
        var leaf = _bytes.AsSpan(0, Length).ToArray();
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
        return leaf;
    }

    private Span<byte> Room(int count)
    {
        if (_bytes.Length - Length < count)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(Length + count, 2 * _bytes.Length));
            _bytes.AsSpan(0, Length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }
        return _bytes.AsSpan(Length);
    }
}
