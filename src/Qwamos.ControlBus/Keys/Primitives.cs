using System.Security.Cryptography;

namespace Qwamos.ControlBus.Keys;

/// <summary>
/// SHA-256 (FIPS 180-4) and random bytes: libsodium's, since to load OpenSSL for one of them takes longer than all else that a client, or the boot, does;
/// the framework's where there is no libsodium.
/// </summary>
internal static class Primitives
{
    /// <summary>The 32 bytes of SHA-256.</summary>
    public static byte[] Sha256(ReadOnlySpan<byte> data) =>
        WithoutLibsodium.IsInForce ? SHA256.HashData(data) : NSec.Cryptography.HashAlgorithm.Sha256.Hash(data);

    /// <summary>The same, into 32 bytes.</summary>
    public static void Sha256(ReadOnlySpan<byte> data, Span<byte> hash)
    {
        if (WithoutLibsodium.IsInForce)
            SHA256.HashData(data, hash);
        else
            NSec.Cryptography.HashAlgorithm.Sha256.Hash(data, hash);
    }

    /// <summary>So many lower-case hex digits of random bytes; an even number.</summary>
    public static string RandomHex(int digits)
    {
        Span<byte> bytes = stackalloc byte[digits / 2];
        FillRandom(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    /// <summary>Fills with the kernel's random bytes.</summary>
    public static void FillRandom(Span<byte> bytes)
    {
        if (WithoutLibsodium.IsInForce)
        {
            RandomNumberGenerator.Fill(bytes);
            return;
        }
        // NSec initialises libsodium with its first use, which this may come before.
        _ = Sha256([]);
        Libsodium.RandomBytes(bytes, (nuint)bytes.Length);
    }
}
