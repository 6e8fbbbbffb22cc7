using System.Diagnostics.CodeAnalysis;
using System.Text;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>
/// Writes what is sent: <c>{"msg":CANONICAL,"signature":"..."}</c>. Each result goes through <see cref="EnvelopeReader"/>, so that a client
/// cannot sign what a daemon would refuse for its form.
/// </summary>
public static class EnvelopeWriter
{
    /// <summary>Signs with a bare <c>signature</c>, the form every daemon knows.</summary>
    public static bool TrySign(
        MessageDraft draft, SigningKey key, [NotNullWhen(true)] out Envelope? envelope, [NotNullWhen(false)] out Refusal? refusal) =>
        TryAssemble(draft, canonical => $",\"signature\":\"{Sign(key, canonical)}\"", out envelope, out refusal);

    /// <summary>Signs with <c>signatures</c>: one of each key, with its ID.</summary>
    public static bool TrySignNamed(
        MessageDraft draft, SigningKey key, [NotNullWhen(true)] out Envelope? envelope, [NotNullWhen(false)] out Refusal? refusal) =>
        TrySignNamed(draft, [key], out envelope, out refusal);

    /// <inheritdoc cref="TrySignNamed(MessageDraft, SigningKey, out Envelope?, out Refusal?)"/>
    public static bool TrySignNamed(
        MessageDraft draft, IReadOnlyList<SigningKey> keys, [NotNullWhen(true)] out Envelope? envelope, [NotNullWhen(false)] out Refusal? refusal) =>
        TryAssemble(
            draft,
            canonical => $",\"signatures\":[{string.Join(',', keys.Select(key => $"{{\"key_id\":\"{key.Id}\",\"signature\":\"{Sign(key, canonical)}\"}}"))}]",
            out envelope,
            out refusal);

    /// <summary>Without a signature: only what <see cref="Commands.IsRead"/>, or carries its own signature, has such a form.</summary>
    public static bool TryWriteUnsigned(
        MessageDraft draft, [NotNullWhen(true)] out Envelope? envelope, [NotNullWhen(false)] out Refusal? refusal) =>
        TryAssemble(draft, _ => "", out envelope, out refusal);

    /// <summary>Checks a draft's forms as a signed message and gives its canonical bytes, without a key: for a dry run.</summary>
    public static bool TryBuild(
        MessageDraft draft, [NotNullWhen(true)] out Message? message, [NotNullWhen(false)] out Refusal? refusal)
    {
        message = null;
        if (!TryGetDocument(draft, out var document, out refusal))
            return false;
        string? fault = MessageReader.Read(document, isSigned: true, out message, out string? unsupported);
        refusal = fault is not null ? Refusal.BadRequest(fault)
            : unsupported is not null ? new Refusal(ErrorCode.NotSupported, unsupported)
            : null;
        return refusal is null;
    }

    /// <exception cref="ArgumentException">A form is wrong; for drafts that hold nothing from outside.</exception>
    public static Envelope Sign(MessageDraft draft, SigningKey key) =>
        TrySign(draft, key, out var envelope, out var refusal) ? envelope : throw new ArgumentException(refusal.Reason, nameof(draft));

    private static string Sign(SigningKey key, byte[] canonical) => Convert.ToBase64String(key.Sign(canonical));

    private static bool TryAssemble(
        MessageDraft draft,
        Func<byte[], string> writeTail,
        [NotNullWhen(true)] out Envelope? envelope,
        [NotNullWhen(false)] out Refusal? refusal)
    {
        envelope = null;
        if (!TryGetDocument(draft, out var document, out refusal))
            return false;
        byte[] canonical = CanonicalJson.Write(document);
        byte[] raw = [.. "{\"msg\":"u8, .. canonical, .. Encoding.ASCII.GetBytes(writeTail(canonical)), (byte)'}'];
        return EnvelopeReader.TryRead(raw, out envelope, out refusal);
    }

    /// <summary>A person's reason or name may hold what JSON cannot; that is their fault, not the program's.</summary>
    private static bool TryGetDocument(
        MessageDraft draft, [NotNullWhen(true)] out JsonValue? document, [NotNullWhen(false)] out Refusal? refusal)
    {
        try
        {
            document = draft.ToDocument();
            refusal = null;
            return true;
        }
        catch (ArgumentException e)
        {
            document = null;
            refusal = Refusal.BadRequest($"the message has no JSON form: {e.Message}");
            return false;
        }
    }
}
