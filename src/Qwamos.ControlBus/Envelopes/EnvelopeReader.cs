using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>
/// From the bytes of one request to an <see cref="Envelope"/> (DESIGN section 3), or the first of <c>too_large</c>, <c>bad_json</c>,
/// <c>bad_request</c>, <c>not_supported</c> that holds. It never repairs. No key and no clock is needed here.
/// </summary>
public static class EnvelopeReader
{
    /// <param name="frame">One request; white space around it is not part of it.</param>
    /// <param name="envelope">The request.</param>
    /// <param name="refusal">Why there is none.</param>
    /// <param name="maxBytes">Longest request; more than 61,440 are a delivery's only.</param>
    public static bool TryRead(
        ReadOnlyMemory<byte> frame, [NotNullWhen(true)] out Envelope? envelope, [NotNullWhen(false)] out Refusal? refusal, int maxBytes = Limits.MaxRequestBytes)
    {
        envelope = null;
        ReadOnlySpan<byte> request = frame.Span.Trim(" \t\r\n"u8);
        if (request.Length > maxBytes)
        {
            refusal = TooLarge;
            return false;
        }

        // A copy: the caller's buffer may be pooled, and what is recorded must be what was verified.
        if (!TryReadOwned(request.ToArray(), out envelope, out refusal, maxBytes))
            return false;
        if (request.Length > Limits.MaxRequestBytes && envelope.Message.Command != Commands.Deliver)
            (envelope, refusal) = (null, TooLarge);
        return refusal is null;
    }

    private static Refusal TooLarge => new(ErrorCode.TooLarge, $"the request has more than {Limits.MaxRequestBytes} bytes");

    /// <summary>The same for a request of at most so many bytes that begins and ends with its braces, in memory that nobody writes to any more: no copy is made.</summary>
    internal static bool TryReadOwned(
        ReadOnlyMemory<byte> raw, [NotNullWhen(true)] out Envelope? envelope, [NotNullWhen(false)] out Refusal? refusal, int maxBytes = Limits.MaxRequestBytes)
    {
        envelope = null;
        if (!StrictJson.TryParse(raw.Span, out var document, out string? fault, maxBytes))
        {
            refusal = new Refusal(ErrorCode.BadJson, fault);
            return false;
        }

        refusal = ReadMembers(document, raw, out envelope);
        return refusal is null;
    }

    private static Refusal? ReadMembers(JsonValue document, ReadOnlyMemory<byte> raw, out Envelope? envelope)
    {
        envelope = null;
        if (document.Kind != JsonKind.Object)
            return new Refusal(ErrorCode.BadJson, "a request is one JSON object");
        foreach (var member in document.Members)
        {
            if (member.Key is not ("msg" or "signature" or "signatures"))
                return Refusal.BadRequest("a member beside msg is not known; only signature or signatures may stand there");
        }

        if (!document.TryGet("msg", out var msg))
            return Refusal.BadRequest("msg is missing");
        bool bare = document.TryGet("signature", out var signature);
        bool listed = document.TryGet("signatures", out var signatures);
        if (bare && listed)
            return Refusal.BadRequest("only one of signature and signatures may be present");

        EnvelopeSignature[] read = [];
        string? fault = bare ? ReadBare(signature!, out read) : listed ? ReadList(signatures!, out read) : null;
        if (fault is not null)
            return Refusal.BadRequest(fault);
        fault = MessageReader.Read(msg, isSigned: bare || listed, out var message, out string? unsupported);
        if (fault is not null)
            return Refusal.BadRequest(fault);

        if (unsupported is not null)
            return new Refusal(ErrorCode.NotSupported, unsupported);
        envelope = new Envelope(message!, read, raw);
        return null;
    }

    private static string? ReadBare(JsonValue value, out EnvelopeSignature[] signatures)
    {
        signatures = [];
        if (!TryReadSignature(value, out byte[] bytes))
            return "signature is not 88 characters of canonical base64";
        signatures = [new EnvelopeSignature(null, bytes)];
        return null;
    }

    private static string? ReadList(JsonValue value, out EnvelopeSignature[] signatures)
    {
        signatures = [];
        if (!NamedSignature.TryReadList(value, mayBeEmpty: false, out List<NamedSignature> read, out string? fault))
            return fault;
        signatures = new EnvelopeSignature[read.Count];
        for (int i = 0; i < signatures.Length; i++)
            signatures[i] = new EnvelopeSignature(read[i].Key, read[i].Bytes);
        return null;
    }

    private static bool TryReadSignature(JsonValue value, out byte[] bytes)
    {
        bytes = new byte[EnvelopeSignature.SizeBytes];
        return value.TryGetString(out string? text) && CanonicalBase64.TryDecode(text, bytes);
    }
}
