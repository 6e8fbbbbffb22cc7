using System.Runtime.InteropServices;

namespace Qwamos.ControlBus.Keys;

/// <summary>
/// The functions of libsodium that NSec does not expose, taken from the very library that NSec ships and loads, so that both judge alike.
/// </summary>
internal static partial class Libsodium
{
    /// <summary>
    /// Whether it is there, for this system, and of the version that NSec was made for. Looked for only where a program can do without it: elsewhere it is
    /// used at once, and that fails.
    /// </summary>
    internal static bool CanBeLoaded()
    {
        try
        {
            Span<byte> nothing = stackalloc byte[VerifyingKey.SizeBytes];
            // NSec looks at the version when it is used first; the other functions are bound by this library itself.
            _ = NSec.Cryptography.HashAlgorithm.Sha256.Hash(nothing);
            _ = IsValidEd25519Point(nothing);
            return true;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException or PlatformNotSupportedException or InvalidOperationException or TypeInitializationException)
        {
            return false;
        }
    }

    /// <summary>
    /// 1 when the 32 bytes are a canonical encoding of a point of the main subgroup, not of small order; else 0. Signature verification alone
    /// lets keys with a small-order component through, under which one signature can hold for several messages.
    /// </summary>
    [LibraryImport("libsodium", EntryPoint = "crypto_core_ed25519_is_valid_point")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
    internal static partial int IsValidEd25519Point(ReadOnlySpan<byte> point);

    /// <summary>Fills with the kernel's random bytes, as getrandom gives them.</summary>
    [LibraryImport("libsodium", EntryPoint = "randombytes_buf")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
    internal static partial void RandomBytes(Span<byte> bytes, nuint length);
}
