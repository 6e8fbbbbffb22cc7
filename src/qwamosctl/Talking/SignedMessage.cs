using System.Diagnostics.CodeAnalysis;
using Qwamos.Client.Trusting;
using Qwamos.ControlBus.Envelopes;

namespace Qwamos.Client.Talking;

/// <summary>
/// Signs a message in the form that its daemon is known to take: the bare one, which a daemon of the old design takes too, or, once a trust root was seen
/// here, the one that names the key, so that a refusal can say what is wrong with it.
/// </summary>
internal static class SignedMessage
{
    public static bool TryWrite(Session session, OperatorKey key, MessageDraft draft, [NotNullWhen(true)] out Envelope? envelope, [NotNullWhen(false)] out Refusal? refusal) =>
        KeptTrust.IsThere(session, draft.System)
            ? EnvelopeWriter.TrySignNamed(draft, key.Signer, out envelope, out refusal)
            : EnvelopeWriter.TrySign(draft, key.Signer, out envelope, out refusal);

    /// <summary>For drafts that hold nothing from outside.</summary>
    /// <exception cref="ArgumentException">A form is wrong.</exception>
    public static Envelope Write(Session session, OperatorKey key, MessageDraft draft) =>
        TryWrite(session, key, draft, out var envelope, out var refusal) ? envelope : throw new ArgumentException(refusal.Reason, nameof(draft));
}
