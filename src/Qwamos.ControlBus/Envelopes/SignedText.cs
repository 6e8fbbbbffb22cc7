using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>
/// What an operator's key is asked to sign, read back from the very bytes: a message, or a statement of one of the purposes (DESIGN section 3). Whoever
/// signs for others knows by it what he signs; bytes that are neither are no business of the key.
/// </summary>
public sealed class SignedText
{
    private SignedText(Message? message, SigningPurpose purpose, JsonValue document)
    {
        Message = message;
        Purpose = purpose;
        Document = document;
    }

    /// <summary>The message; null for a statement.</summary>
    public Message? Message { get; }

    /// <summary>The purpose of a statement; none for a message.</summary>
    public SigningPurpose Purpose { get; }

    /// <summary>The message or statement.</summary>
    public JsonValue Document { get; }

    /// <summary>Reads the bytes, which must be canonical; false with a sentence for any others.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out SignedText? text, [NotNullWhen(false)] out string? fault)
    {
        text = null;
        var purpose = SigningPurpose.None;
        var statement = bytes;
        foreach (var known in Enum.GetValues<SigningPurpose>())
        {
            if (known == SigningPurpose.None || !bytes.StartsWith(SigningPurposes.SignedBytes(known, [])))
                continue;
            purpose = known;
            statement = bytes[SigningPurposes.SignedBytes(known, []).Length..];
        }
        if (!StrictJson.TryParse(statement, out var document, out fault))
            return false;
        fault = document.Kind != JsonKind.Object ? "it is neither a message nor a statement of a known purpose"
            : !IsCanonical(document, statement) ? "it is not canonical"
            : null;
        if (fault is not null)
            return false;
        Message? message = null;
        if (purpose == SigningPurpose.None && MessageReader.Read(document, isSigned: true, out message, out _) is { } malformed)
        {
            fault = malformed;
            return false;
        }
        text = new SignedText(message, purpose, document);
        return true;
    }

    private static bool IsCanonical(JsonValue document, ReadOnlySpan<byte> bytes)
    {
        try
        {
            return bytes.SequenceEqual(CanonicalJson.Write(document));
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
