using System.Diagnostics.CodeAnalysis;
using System.Text;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>
/// A change that waits for its signers, as a file: <c>{"msg":{...},"signatures":[...]}</c>, an envelope but that it may have no signature yet
/// (docs/formats/trust.md). Read, not believed. Only <c>set_policy</c> has this form: nobody signs what cannot be shown in plain words.
/// </summary>
public sealed class Proposal
{
    private Proposal(Message message, IReadOnlyList<EnvelopeSignature> signatures)
    {
        Message = message;
        Signatures = signatures;
    }

    public Message Message { get; }

    /// <summary>Each with its key's ID, distinct, at most 16.</summary>
    public IReadOnlyList<EnvelopeSignature> Signatures { get; }

    /// <summary>SHA-256 of what is signed, 64 lower-case hex digits: what people compare.</summary>
    public string Hash => Convert.ToHexStringLower(Primitives.Sha256(Message.Canonical.Span));

    /// <summary>One that nobody has signed yet.</summary>
    public static bool TryDraft(MessageDraft draft, [NotNullWhen(true)] out Proposal? proposal, [NotNullWhen(false)] out Refusal? refusal)
    {
        proposal = EnvelopeWriter.TryBuild(draft, out var message, out refusal) ? new Proposal(message, []) : null;
        return proposal is not null;
    }

    /// <summary>Reads the form; false with one sentence for any other. No longer than a request.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> file, [NotNullWhen(true)] out Proposal? proposal, [NotNullWhen(false)] out string? fault)
    {
        proposal = null;
        if (!StrictJson.TryParse(file.Span.Trim(" \t\r\n"u8), out JsonValue? document, out fault))
            return false;
        fault = "it is not an object of exactly msg and signatures";
        if (document.Kind != JsonKind.Object || document.Members.Length != 2 || !document.TryGet("msg", out var msg) || !document.TryGet("signatures", out var signatures))
            return false;
        Message? message;
        IReadOnlyList<EnvelopeSignature> read = [];
        if (signatures.Kind == JsonKind.Array && signatures.Items.IsEmpty)
        {
            fault = MessageReader.Read(msg, isSigned: true, out message, out string? unsupported) ?? unsupported;
        }
        else
        {
            fault = EnvelopeReader.TryRead(file, out Envelope? envelope, out Refusal? refusal) ? null : refusal.Reason;
            (message, read) = (envelope?.Message, envelope?.Signatures ?? []);
        }
        fault ??= message!.Command != Commands.SetPolicy ? $"its command is not {Commands.SetPolicy}, and nothing else is signed by several" : null;
        proposal = fault is null ? new Proposal(message!, read) : null;
        return proposal is not null;
    }

    /// <summary>The same with one more signature; a key that has signed already signs no second time.</summary>
    public Proposal With(SigningKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return Signatures.Any(signature => signature.KeyId == key.Id) ? this : new(Message, [.. Signatures, new EnvelopeSignature(key.Id, key.Sign(Message.Canonical.Span))]);
    }

    /// <summary>The same with others' signatures, as far as their keys have none in it; up to <see cref="Limits.MaxSignatures"/>.</summary>
    public Proposal With(IReadOnlyList<EnvelopeSignature> others) =>
        new(Message, [.. Signatures.Concat(others.Where(other => Signatures.All(signature => signature.KeyId != other.KeyId))).Take(Limits.MaxSignatures)]);

    /// <summary>The form that is kept, and, once somebody signed, sent.</summary>
    public byte[] ToBytes() =>
    [
        .. "{\"msg\":"u8, .. Message.Canonical.Span,
        .. Encoding.ASCII.GetBytes($",\"signatures\":[{string.Join(',', Signatures.Select(signature => $"{{\"key_id\":\"{signature.KeyId}\",\"signature\":\"{Convert.ToBase64String(signature.Bytes.Span)}\"}}"))}]}}"),
    ];

    /// <summary>What is sent. False when nobody has signed, or there is too much of it.</summary>
    public bool TryToEnvelope([NotNullWhen(true)] out Envelope? envelope, [NotNullWhen(false)] out Refusal? refusal) => EnvelopeReader.TryRead(ToBytes(), out envelope, out refusal);
}
