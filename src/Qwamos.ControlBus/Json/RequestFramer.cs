using System.Buffers;

namespace Qwamos.ControlBus.Json;

/// <summary>
/// Finds where a request ends (DESIGN section 3, "Framing"): it starts with `{`, ends where that object ends, and between requests stand
/// only space, tab, CR and LF. Takes bytes as they come and never looks at one twice; a few bytes of state whatever a peer sends. What
/// it refuses at once needs no buffering: nesting over 16, a bracket that closes another kind, the 61,441st byte. A mutable struct: keep
/// it in a field, and call <see cref="Reset"/> after each complete request.
/// </summary>
public struct RequestFramer
{
    private readonly int _more;

    private static readonly SearchValues<byte> Structure = SearchValues.Create("\"{}[]"u8);
    private static readonly SearchValues<byte> EndOfRun = SearchValues.Create("\"\\"u8);

    /// <summary>For requests of more than 61,440 bytes, which only deliveries are.</summary>
    public RequestFramer(int maxBytes) => _more = maxBytes - Limits.MaxRequestBytes;

    private uint _openArrays; // bit n: the bracket opened at depth n is `[`
    private bool _isInString;
    private bool _isEscaped;

    /// <summary>Depth of nesting after the last byte taken; 0 between requests.</summary>
    public int Depth { get; private set; }

    /// <summary>Bytes of the request so far, from its `{`; its whole length once complete.</summary>
    public int FrameBytes { get; private set; }

    /// <summary>White space before the request's `{`, since the last <see cref="Reset"/>.</summary>
    public long LeadingBytes { get; private set; }

    /// <summary>True from the `{` on: from here the request's own time limit runs.</summary>
    public readonly bool HasBegun => FrameBytes > 0;

    /// <summary>Why the status is TooLarge or Bad, as one sentence without any of the input.</summary>
    public string? Fault { get; private set; }

    private readonly int MaxBytes => Limits.MaxRequestBytes + _more;

    /// <summary>Ready for the next request.</summary>
    public void Reset() => this = new RequestFramer(MaxBytes);

    /// <summary>
    /// Takes bytes up to the end of the request. <paramref name="taken"/> says how many: all of them with NeedMore, those up to and with
    /// the last `}` with Complete. The request is the last <see cref="FrameBytes"/> of all bytes taken since the reset.
    /// </summary>
    public FrameStatus Feed(ReadOnlySpan<byte> bytes, out int taken)
    {
        taken = 0;
        if (!HasBegun)
        {
            var start = bytes.IndexOfAnyExcept(" \t\r\n"u8);
            taken = start < 0 ? bytes.Length : start;
            LeadingBytes += taken;
            if (start < 0) return FrameStatus.NeedMore;
            if (bytes[start] != '{') return Fail("a request starts with {");
        }
        // No byte beyond the longest request is looked at, so that one answer holds for it however the bytes came.
        var room = MaxBytes - FrameBytes;
        var window = bytes.Length - taken > room ? bytes.Slice(taken, room) : bytes[taken..];
        var status = Scan(window, out var scanned);
        FrameBytes += scanned;
        taken += scanned;
        if (status != FrameStatus.NeedMore || taken == bytes.Length) return status;
        Fault = $"a request has at most {MaxBytes} bytes";
        return FrameStatus.TooLarge;
    }

    /// <inheritdoc cref="Feed(ReadOnlySpan{byte}, out int)"/>
    public FrameStatus Feed(in ReadOnlySequence<byte> bytes, out long taken)
    {
        taken = 0;
        foreach (var segment in bytes)
        {
            var status = Feed(segment.Span, out var part);
            taken += part;
            if (status != FrameStatus.NeedMore) return status;
        }
        return FrameStatus.NeedMore;
    }

    private FrameStatus Scan(ReadOnlySpan<byte> bytes, out int scanned)
    {
        scanned = 0;
        while (scanned < bytes.Length)
        {
            if (_isInString)
            {
                SkipInString(bytes, ref scanned);
                continue;
            }
            var step = bytes[scanned..].IndexOfAny(Structure);
            if (step < 0) break;
            scanned += step + 1;
            var c = bytes[scanned - 1];
            if (c == '"') _isInString = true;
            else if (c is (byte)'{' or (byte)'[')
            {
                if (Depth == Limits.MaxJsonDepth) return Fail($"nested deeper than {Limits.MaxJsonDepth}");
                _openArrays = c == '[' ? _openArrays | (1u << Depth) : _openArrays & ~(1u << Depth);
                Depth++;
            }
            else
            {
                Depth--;
                if (((_openArrays >> Depth) & 1) != (c == ']' ? 1u : 0u)) return Fail("a bracket closes another kind");
                if (Depth == 0) return FrameStatus.Complete;
            }
        }
        scanned = bytes.Length;
        return FrameStatus.NeedMore;
    }

    private void SkipInString(ReadOnlySpan<byte> bytes, ref int scanned)
    {
        if (_isEscaped)
        {
            _isEscaped = false;
            scanned++;
            return;
        }
        var step = bytes[scanned..].IndexOfAny(EndOfRun);
        if (step < 0)
        {
            scanned = bytes.Length;
            return;
        }
        scanned += step + 1;
        if (bytes[scanned - 1] == '"') _isInString = false;
        else _isEscaped = true;
    }

    private FrameStatus Fail(string fault)
    {
        Fault = fault;
        return FrameStatus.Bad;
    }
}
