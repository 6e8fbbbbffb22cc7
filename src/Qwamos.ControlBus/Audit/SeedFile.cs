using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Audit;

/// <summary>A daemon's own private key: a file of the raw 32-byte seed, 0600, made at its first start.</summary>
internal static class SeedFile
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>A new key in place of the one that is there, which is gone then: durable when this returns.</summary>
    /// <exception cref="IOException">It could not be written; the old one is in place, or the new one.</exception>
    public static SigningKey Renew(string path)
    {
        Span<byte> seed = stackalloc byte[SigningKey.SeedSizeBytes];
        try
        {
            Primitives.FillRandom(seed);
            DurableFile.Replace(path, seed, Mode);
            return SigningKey.TryLoad(seed, out var key, out var fault) ? key : throw new IOException(fault);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(seed);
        }
    }

    /// <summary>The key that is there, or a new one. False with a sentence that ends with the mend when the file cannot be trusted.</summary>
    /// <exception cref="IOException">The new key could not be written.</exception>
    public static bool TryLoadOrCreate(string path, [NotNullWhen(true)] out SigningKey? key, [NotNullWhen(false)] out string? fault)
    {
        key = null;
        Span<byte> seed = stackalloc byte[SigningKey.SeedSizeBytes];
        try
        {
            var result = KeyFile.Read(path, KeyFileRules.Private, seed, out var text);
            if (result == KeyFileResult.Absent)
            {
                Primitives.FillRandom(seed);
                DurableFile.CreateNew(path, seed, Mode);
                result = KeyFile.Read(path, KeyFileRules.Private, seed, out text);
            }
            fault = text;
            return result == KeyFileResult.Read && SigningKey.TryLoad(seed, out key, out fault);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(seed);
        }
    }
}
