namespace Qwamos.ControlBus.Keys;

/// <summary>Makes a signer from a seed of <see cref="SigningKey.SeedSizeBytes"/> bytes, which the caller wipes.</summary>
public delegate IEd25519Signer SignerFromSeed(ReadOnlySpan<byte> seed);

/// <summary>
/// What a program does where libsodium cannot be loaded. By default: nothing, it fails. One that was built to sign there chooses so once, at its start;
/// whatever would verify then throws <see cref="NoVerificationException"/>, for nothing but libsodium verifies.
/// </summary>
public static class WithoutLibsodium
{
    /// <summary>True when this program signs by other means than libsodium, and verifies nothing.</summary>
    public static bool IsInForce => Signer is not null;

    internal static SignerFromSeed? Signer { get; private set; }

    internal static IKeySealing? Sealing { get; private set; }

    /// <summary>To be called before any other use of keys. Changes nothing where libsodium can be loaded.</summary>
    /// <param name="sealing">What opens and makes protected private keys there.</param>
    public static void SignBy(SignerFromSeed signer, IKeySealing sealing)
    {
        if (!Libsodium.CanBeLoaded())
            (Signer, Sealing) = (signer, sealing);
    }
}
