using NSec.Cryptography;

namespace Qwamos.ControlBus.Keys;

/// <summary>
/// SHA-256 (FIPS 180-4) over texts that begin alike: its state after those first bytes is calculated once, and each text goes on from a copy of it.
/// libsodium's only, whose state is a value.
/// </summary>
internal sealed class Sha256Prefix
{
    private readonly IncrementalHash _state;

    public Sha256Prefix(params ReadOnlySpan<byte> prefix)
    {
        IncrementalHash.Initialize(HashAlgorithm.Sha256, out _state);
        IncrementalHash.Update(ref _state, prefix);
    }

    /// <summary>The 32 bytes of SHA-256 over the prefix and the rest.</summary>
    public void Hash(ReadOnlySpan<byte> rest, Span<byte> hash)
    {
        var state = _state;
        IncrementalHash.Update(ref state, rest);
        IncrementalHash.Finalize(ref state, hash);
    }
}
