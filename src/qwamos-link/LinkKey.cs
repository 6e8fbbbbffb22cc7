using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qwamos.ControlBus.Files;

namespace Qwamos.Linking;

/// <summary>
/// This machine's own TLS key (ECDSA, P-256), made at the first start and kept, and the certificate it signs for itself. Peers pin the key and judge the certificate's time alone: so it
/// is short-lived, and made anew from the same key long before it ends.
/// </summary>
internal sealed class LinkKey : IDisposable
{
    /// <summary>How long a certificate is good for.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromDays(30);

    /// <summary>With less left a new one is made.</summary>
    public static readonly TimeSpan RenewBefore = TimeSpan.FromDays(10);

    /// <summary>It begins this much before it is made, for peers whose clocks are behind.</summary>
    private static readonly TimeSpan Backdating = TimeSpan.FromDays(1);

    private const int MaxFileBytes = 1_024;
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly ECDsa _key;
    private readonly TimeProvider _time;
    private readonly Lock _turn = new();
    private X509Certificate2? _certificate;

    private LinkKey(ECDsa key, TimeProvider time)
    {
        _key = key;
        _time = time;
        Fingerprint = FingerprintOf(key.ExportSubjectPublicKeyInfo());
    }

    /// <summary>What peers pin.</summary>
    public string Fingerprint { get; }

    /// <summary>SHA-256 of a SubjectPublicKeyInfo (RFC 5280, 4.1), 64 lower-case hex digits.</summary>
    public static string FingerprintOf(ReadOnlySpan<byte> subjectPublicKeyInfo) => Convert.ToHexStringLower(SHA256.HashData(subjectPublicKeyInfo));

    /// <summary>The key that is there, or a new one; the folder is checked by the caller. False with a sentence that says how to mend it.</summary>
    /// <exception cref="IOException">It could not be read or written.</exception>
    public static bool TryOpen(SystemPaths paths, bool mayCreate, TimeProvider time, [NotNullWhen(true)] out LinkKey? key, [NotNullWhen(false)] out string? fault)
    {
        key = null;
        string path = paths.LinkKeyFile;
        if (Posix.IsAbsent(path))
        {
            fault = $"there is no key yet: it is made when the program first runs as dial or serve ({SafeText.ForTerminal(path)})";
            if (!mayCreate)
                return false;
            using var made = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            byte[] secret = made.ExportPkcs8PrivateKey();
            DurableFile.CreateNew(path, secret, Mode);
            CryptographicOperations.ZeroMemory(secret);
        }

        if (!SafePath.TryCheckTrusted(path, paths, mayCreate ? PathRules.SecretFile : PathRules.OwnFile, out fault))
            return false;
        byte[] content = DurableFile.ReadAllBounded(path, MaxFileBytes);
        var read = ECDsa.Create();
        try
        {
            read.ImportPkcs8PrivateKey(content, out int length);
            if (length == content.Length && read.KeySize == 256)
                key = new LinkKey(read, time);
        }
        catch (CryptographicException)
        {
            // Said below.
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }

        if (key is null)
            read.Dispose();
        fault = key is null ? $"{SafeText.ForTerminal(path)} is no private key of this program: move it away, start again, and have the peers pin the new one" : null;
        return key is not null;
    }

    /// <summary>One that is good for ten days at least.</summary>
    public X509Certificate2 Certificate()
    {
        lock (_turn)
        {
            DateTimeOffset now = _time.GetUtcNow();
            // The one before may still be another connection's, and is not disposed.
            if (_certificate is null || _certificate.NotAfter.ToUniversalTime() - now < RenewBefore || now < _certificate.NotBefore.ToUniversalTime())
                _certificate = new CertificateRequest("CN=qwamos-link", _key, HashAlgorithmName.SHA256).CreateSelfSigned(now - Backdating, now + Lifetime);
            return _certificate;
        }
    }

    public void Dispose()
    {
        _certificate?.Dispose();
        _key.Dispose();
    }
}
