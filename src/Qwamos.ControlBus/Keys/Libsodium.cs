using System.Runtime.InteropServices;

namespace Qwamos.ControlBus.Keys;

/// <summary>
/// The functions of libsodium that NSec does not expose, taken from the very library that NSec ships and loads, so that both judge alike.
/// </summary>
internal static partial class Libsodium
{
    /// <summary>
    /// 1 when the 32 bytes are a canonical encoding of a point of the main subgroup, not of small order; else 0. Signature verification alone
    /// lets keys with a small-order component through, under which one signature can hold for several messages.
    /// </summary>
    [LibraryImport("libsodium", EntryPoint = "crypto_core_ed25519_is_valid_point")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
    internal static partial int IsValidEd25519Point(ReadOnlySpan<byte> point);

    /// <summary>
    /// Fills with the kernel's random bytes, as getrandom gives them. The framework's generator would load all of OpenSSL for it, which takes a
    /// client longer than everything else it does.
    /// </summary>
    [LibraryImport("libsodium", EntryPoint = "randombytes_buf")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
    internal static partial void RandomBytes(Span<byte> bytes, nuint length);
}
