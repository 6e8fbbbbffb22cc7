namespace Qwamos.ControlBus.Envelopes;

/// <summary>A request as received: the message, its signatures (none for an unsigned <c>get_status</c>), and the exact bytes.</summary>
public sealed class Envelope
{
    internal Envelope(Message message, IReadOnlyList<EnvelopeSignature> signatures, ReadOnlyMemory<byte> raw)
    {
        Message = message;
        Signatures = signatures;
        Raw = raw;
    }

    public Message Message { get; }

    public IReadOnlyList<EnvelopeSignature> Signatures { get; }

    public bool IsSigned => Signatures.Count > 0;

    /// <summary>From the first <c>{</c> to the last <c>}</c>; in memory that nobody writes to any more, so nothing can differ from what was verified.</summary>
    public ReadOnlyMemory<byte> Raw { get; }
}
