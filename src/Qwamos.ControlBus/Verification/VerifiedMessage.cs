using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Verification;

/// <summary>
/// A message that passed every check of the <see cref="Verifier"/>, which alone makes one: handlers that ask for this type cannot be given
/// anything less.
/// </summary>
public sealed class VerifiedMessage
{
    internal VerifiedMessage(Envelope envelope, IReadOnlyList<KeyId> signers, long rootVersion, SignedRoot? root = null)
    {
        Envelope = envelope;
        Signers = signers;
        RootVersion = rootVersion;
        Root = root;
    }

    public Envelope Envelope { get; }

    public Message Message => Envelope.Message;

    /// <summary>Whose signatures hold, in their order; none only for a command that reads and came unsigned, and for a <c>checkpoint</c> or a delivery, which are judged by what is in them.</summary>
    public IReadOnlyList<KeyId> Signers { get; }

    /// <summary>The first of <see cref="Signers"/>; null when there is none.</summary>
    public KeyId? Signer => Signers.Count == 0 ? null : Signers[0];

    /// <summary>The version of the trust root that it was judged by: under another one it must be judged again.</summary>
    public long RootVersion { get; }

    /// <summary>What <c>trust_root</c> brings; null for every other command.</summary>
    public SignedRoot? Root { get; }
}
