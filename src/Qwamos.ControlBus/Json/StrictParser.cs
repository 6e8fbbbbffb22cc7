using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Qwamos.ControlBus.Json;

/// <summary>The one pass over the tokens. Null from a method means <see cref="Fault"/> says why; JsonException means no JSON at all.</summary>
internal ref struct StrictParser
{
    // Up to here comparing each name with those before it costs less than a hash set.
    private const int FewMembers = 8;
    private const int MaxStackChars = 256;

    // The members of all objects that are open, the innermost last: each object's array is made once, when its length is known.
    private const int FirstOpenMembers = 16;

    private readonly ReadOnlySpan<byte> _utf8;
    private readonly int _maxDepth;
    private Utf8JsonReader _reader;
    private KeyValuePair<string, JsonValue>[] _open = ArrayPool<KeyValuePair<string, JsonValue>>.Shared.Rent(FirstOpenMembers);
    private int _openCount;
    private bool _isDone;

    internal StrictParser(ReadOnlySpan<byte> utf8, int maxDepth)
    {
        _utf8 = utf8;
        _maxDepth = maxDepth;
        _reader = new Utf8JsonReader(utf8, OptionsFor(maxDepth));
    }

    /// <summary>Gives back what the pass worked with.</summary>
    internal readonly void Dispose() => ArrayPool<KeyValuePair<string, JsonValue>>.Shared.Return(_open, clearArray: true);

    internal string? Fault { get; private set; }

    internal static JsonReaderOptions OptionsFor(int maxDepth) =>
        new() { MaxDepth = maxDepth, CommentHandling = JsonCommentHandling.Disallow, AllowTrailingCommas = false };

    internal JsonValue? ParseDocument()
    {
        _reader.Read();
        var value = ParseValue();
        if (value is null) return null;
        _isDone = true;
        _reader.Read(); // throws on anything but white space
        return value;
    }

    internal readonly string Explain(JsonException exception)
    {
        var at = 0;
        for (var line = exception.LineNumber ?? 0; line > 0; line--) at += _utf8[at..].IndexOf((byte)'\n') + 1;
        at = (int)Math.Min(at + (exception.BytePositionInLine ?? 0), _utf8.Length);
        if (_isDone) return $"bytes after the value, at byte {at}";
        if (at == _utf8.Length) return $"ends too early, at byte {at}";
        // The reader counts an opening bracket's depth from its first member on.
        var depth = _reader.CurrentDepth + (_reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray ? 1 : 0);
        return depth >= _maxDepth && _utf8[at] is (byte)'{' or (byte)'['
            ? $"nested deeper than {_maxDepth}, at byte {at}"
            : $"not JSON at byte {at}";
    }

    private JsonValue? ParseValue() => _reader.TokenType switch
    {
        JsonTokenType.StartObject => ParseObject(),
        JsonTokenType.StartArray => ParseArray(),
        JsonTokenType.String => ReadText() is { } text ? new JsonValue(JsonKind.String, text) : null,
        JsonTokenType.Number => ReadNumber(),
        JsonTokenType.True => JsonValue.True,
        JsonTokenType.False => JsonValue.False,
        _ => JsonValue.Null,
    };

    private JsonValue? ParseArray()
    {
        var items = Array.Empty<JsonValue>();
        var count = 0;
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
        {
            if (ParseValue() is not { } item) return null;
            if (count == items.Length) Array.Resize(ref items, Math.Max(4, count * 2));
            items[count++] = item;
        }
        Array.Resize(ref items, count);
        return new JsonValue(JsonKind.Array, items);
    }

    private JsonValue? ParseObject()
    {
        HashSet<string>? names = null;
        var first = _openCount;
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndObject)
        {
            var at = _reader.TokenStartIndex;
            if (ReadName() is not { } name) return null;
            if (IsTaken(name, _open.AsSpan(first.._openCount), ref names)) return Fail("a member stands twice in one object", at);
            // Its place among its siblings first: the members of an object inside it come after.
            Open(name);
            var place = _openCount - 1;
            _reader.Read();
            if (ParseValue() is not { } value) return null;
            _open[place] = KeyValuePair.Create(name, value);
        }
        var members = _open.AsSpan(first.._openCount).ToArray();
        _openCount = first;
        return new JsonValue(JsonKind.Object, members);
    }

    private void Open(string name)
    {
        if (_openCount == _open.Length)
        {
            var more = ArrayPool<KeyValuePair<string, JsonValue>>.Shared.Rent(_open.Length * 2);
            _open.CopyTo(more, 0);
            Dispose();
            _open = more;
        }
        _open[_openCount++] = KeyValuePair.Create(name, JsonValue.Null);
    }

    private static bool IsTaken(string name, ReadOnlySpan<KeyValuePair<string, JsonValue>> before, ref HashSet<string>? names)
    {
        if (before.Length < FewMembers)
        {
            foreach (var member in before)
                if (member.Key == name) return true;
            return false;
        }
        if (names is null)
        {
            names = new HashSet<string>(StringComparer.Ordinal);
            foreach (var member in before) names.Add(member.Key);
        }
        return !names.Add(name);
    }

    private JsonValue ReadNumber()
    {
        var token = _reader.ValueSpan;
        // "-0" is not the integer 0: it must not be taken for a token that msg allows.
        if (Utf8Parser.TryParse(token, out long number, out var length) && length == token.Length
            && number is >= -Limits.MaxSafeInteger and <= Limits.MaxSafeInteger && !(number == 0 && token.Length > 1))
            return new JsonValue(JsonKind.Number, null, number);
        return new JsonValue(JsonKind.Number, Encoding.ASCII.GetString(token));
    }

    private string? ReadName() => !_reader.ValueIsEscaped && RecentText.TryGet(_reader.ValueSpan, out var name) ? name : ReadText();

    private string? ReadText()
    {
        var text = _reader.ValueIsEscaped ? Unescape(_reader.ValueSpan) : Encoding.UTF8.GetString(_reader.ValueSpan);
        if (IJsonText.IsValid(text)) return text;
        Fail("a string holds a lone surrogate or a noncharacter", _reader.TokenStartIndex);
        return null;
    }

    private JsonValue? Fail(string what, long at)
    {
        Fault = $"{what}, at byte {at}";
        return null;
    }

    // The reader has checked the escapes' form. Pairs need no care here: both halves are written as they come, and checked afterwards.
    private static string Unescape(ReadOnlySpan<byte> escaped)
    {
        char[]? rented = null;
        var chars = escaped.Length <= MaxStackChars ? stackalloc char[MaxStackChars] : rented = ArrayPool<char>.Shared.Rent(escaped.Length);
        var count = 0;
        while (true)
        {
            var run = escaped.IndexOf((byte)'\\');
            count += Encoding.UTF8.GetChars(run < 0 ? escaped : escaped[..run], chars[count..]);
            if (run < 0) break;
            var letter = escaped[run + 1];
            escaped = escaped[(run + 2)..];
            if (letter == 'u')
            {
                chars[count++] = (char)ushort.Parse(escaped[..4], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                escaped = escaped[4..];
            }
            else
            {
                chars[count++] = letter switch
                {
                    (byte)'b' => '\b', (byte)'f' => '\f', (byte)'n' => '\n', (byte)'r' => '\r', (byte)'t' => '\t', _ => (char)letter,
                };
            }
        }
        var text = new string(chars[..count]);
        if (rented is not null) ArrayPool<char>.Shared.Return(rented, clearArray: true);
        return text;
    }
}
