using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>One Ed25519 signature (64 bytes) as received; <paramref name="KeyId"/> is null for a bare <c>signature</c>.</summary>
public readonly record struct EnvelopeSignature(KeyId? KeyId, ReadOnlyMemory<byte> Bytes)
{
    public const int SizeBytes = 64;
}
