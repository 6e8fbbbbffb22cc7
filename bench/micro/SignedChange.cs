using System.Text;
using NSec.Cryptography;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Micro;

/// <summary>One change as it comes off the wire, signed, and what the daemon makes of it on its way.</summary>
internal sealed class SignedChange
{
    private const long TimestampSeconds = 1_700_000_000;

    public SignedChange()
    {
        using Key key = Key.Create(SignatureAlgorithm.Ed25519);
        string message = $$"""{"args":{"RADIO_IDLE_TIMEOUT_MIN":5},"command":"set_policy","nonce":"{{Nonce.Random()}}","timestamp":{{TimestampSeconds}}}""";
        byte[] signature = SignatureAlgorithm.Ed25519.Sign(key, Encoding.ASCII.GetBytes(message));
        Request = Encoding.ASCII.GetBytes($$"""{"msg":{{message}},"signature":"{{Convert.ToBase64String(signature)}}"}""");
        if (!VerifyingKey.TryLoad(key.PublicKey.Export(KeyBlobFormat.RawPublicKey), out VerifyingKey? anchor, out string? fault))
            throw new InvalidOperationException(fault);
        Verifier = new Verifier(new VerifierOptions { Keys = [anchor] });
        if (!EnvelopeReader.TryRead(Request, out Envelope? envelope, out Refusal? refusal) || !Verifier.Check(envelope, Now).TryGet(out VerifiedMessage? verified, out refusal))
            throw new InvalidOperationException(refusal.Reason);
        (Envelope, Verified) = (envelope, verified);
    }

    public byte[] Request { get; }

    public Verifier Verifier { get; }

    public Envelope Envelope { get; }

    public VerifiedMessage Verified { get; }

    public EffectiveTime Now { get; } = new(TimestampSeconds, TimestampSeconds);
}
