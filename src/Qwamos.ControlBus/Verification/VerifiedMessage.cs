using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Verification;

/// <summary>
/// A message that passed every check of the <see cref="Verifier"/>, which alone makes one: handlers that ask for this type cannot be given
/// anything less. <see cref="Signer"/> is null only for a command that reads and came unsigned, and for a <c>checkpoint</c>.
/// </summary>
public sealed class VerifiedMessage
{
    internal VerifiedMessage(Envelope envelope, KeyId? signer)
    {
        Envelope = envelope;
        Signer = signer;
    }

    public Envelope Envelope { get; }

    public Message Message => Envelope.Message;

    public KeyId? Signer { get; }
}
