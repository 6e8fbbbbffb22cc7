using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Qwamos.Linking;

/// <summary>
/// The handshake, for both sides alike: TLS 1.3 and nothing else, both present a certificate that they signed themselves, and each believes the other by its public key and by
/// the certificate's time. Names, chains and authorities say nothing here.
/// </summary>
internal sealed class TlsGate(LinkKey key, TimeProvider time)
{
    private const SslProtocols Only = SslProtocols.Tls13;

    /// <summary>As the one who was connected to.</summary>
    /// <param name="inner">What carries it.</param>
    /// <param name="faultOf">Why a key, by its fingerprint, is not the peer's, or null.</param>
    /// <param name="limit">Gives it up.</param>
    /// <exception cref="IOException">It is not who it must be, or does not speak TLS 1.3. The inner stream is closed.</exception>
    public Task<(SslStream Stream, string Fingerprint)> ServeAsync(Stream inner, Func<string, string?> faultOf, CancellationToken limit) => ShakeAsync(inner, faultOf, (stream, check) => stream.AuthenticateAsServerAsync(
        new SslServerAuthenticationOptions
        {
            EnabledSslProtocols = Only,
            ServerCertificateContext = SslStreamCertificateContext.Create(key.Certificate(), null, offline: true),
            ClientCertificateRequired = true,
            AllowRenegotiation = false,
            AllowTlsResume = false,
            CertificateChainPolicy = NoChain(),
            RemoteCertificateValidationCallback = (_, certificate, _, _) => check(certificate),
        },
        limit));

    /// <summary>As the one who connected.</summary>
    /// <inheritdoc cref="ServeAsync"/>
    public Task<(SslStream Stream, string Fingerprint)> DialAsync(Stream inner, Func<string, string?> faultOf, CancellationToken limit) => ShakeAsync(inner, faultOf, (stream, check) => stream.AuthenticateAsClientAsync(
        new SslClientAuthenticationOptions
        {
            EnabledSslProtocols = Only,
            TargetHost = "qwamos-link",
            ClientCertificateContext = SslStreamCertificateContext.Create(key.Certificate(), null, offline: true),
            AllowRenegotiation = false,
            AllowTlsResume = false,
            CertificateChainPolicy = NoChain(),
            RemoteCertificateValidationCallback = (_, certificate, _, _) => check(certificate),
        },
        limit));

    private async Task<(SslStream, string)> ShakeAsync(Stream inner, Func<string, string?> faultOf, Func<SslStream, Func<X509Certificate?, bool>, Task> shake)
    {
        var stream = new SslStream(inner, leaveInnerStreamOpen: false);
        string? why = "it presented no certificate";
        string fingerprint = "";
        bool Check(X509Certificate? certificate)
        {
            if (certificate is not X509Certificate2 presented)
                return false;
            fingerprint = LinkKey.FingerprintOf(presented.PublicKey.ExportSubjectPublicKeyInfo());
            why = faultOf(fingerprint) ?? FaultOfTime(presented);
            return why is null;
        }

        try
        {
            await shake(stream, Check).ConfigureAwait(false);
            // The callback is what believes: a handshake without it is none.
            if (why is not null || stream.SslProtocol != Only)
                throw new IOException(why ?? "it is not TLS 1.3");
            return (stream, fingerprint);
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw new IOException(fingerprint.Length > 0 && why is not null ? why : $"no TLS 1.3 handshake: {(e.InnerException ?? e).Message}");
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The framework builds a chain before it asks who is believed, and would fetch what the peer's certificate names for that: from anywhere, and for as long as that takes.</summary>
    private static X509ChainPolicy NoChain() => new() { DisableCertificateDownloads = true, RevocationMode = X509RevocationMode.NoCheck, TrustMode = X509ChainTrustMode.CustomRootTrust };

    private string? FaultOfTime(X509Certificate2 certificate)
    {
        DateTimeOffset now = time.GetUtcNow();
        return now > certificate.NotAfter.ToUniversalTime() ? $"its certificate expired at {certificate.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm}Z, by the clock here"
            : now < certificate.NotBefore.ToUniversalTime() ? $"its certificate begins at {certificate.NotBefore.ToUniversalTime():yyyy-MM-dd HH:mm}Z, by the clock here"
            : null;
    }
}
