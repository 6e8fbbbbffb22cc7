using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Qwamos.SystemTests.Harness;

/// <summary>One side of a TLS link that does as a test says: with any key, any time, any version. It believes whoever it meets, and notes who that was.</summary>
internal sealed class TlsPeer : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _certificate;

    /// <param name="ends">When its certificate ends, from now.</param>
    /// <param name="issuer">Where its certificate says that another one's, which signed it, is to be had.</param>
    public TlsPeer(TimeSpan ends, Uri? issuer = null)
    {
        var request = new CertificateRequest("CN=test", _key, HashAlgorithmName.SHA256);
        (DateTimeOffset from, DateTimeOffset to) = (DateTimeOffset.UtcNow.AddDays(-40), DateTimeOffset.UtcNow + ends);
        if (issuer is null)
        {
            _certificate = request.CreateSelfSigned(from, to);
            return;
        }
        request.CertificateExtensions.Add(new X509AuthorityInformationAccessExtension(ocspUris: null, caIssuersUris: [issuer.ToString()]));
        using X509Certificate2 bare = request.Create(new X500DistinguishedName("CN=another"), X509SignatureGenerator.CreateForECDsa(_key), from, to, [1]);
        _certificate = bare.CopyWithPrivateKey(_key);
    }

    public string Fingerprint => Convert.ToHexStringLower(SHA256.HashData(_key.ExportSubjectPublicKeyInfo()));

    /// <summary>The certificate that the other side presented last.</summary>
    public X509Certificate2? Met { get; private set; }

    /// <summary>Connects; the other side's refusal may come with the first read only (TLS 1.3 has the client done first).</summary>
    public SslStream Dial(int port, SslProtocols version = SslProtocols.Tls13, bool presents = true)
    {
        var client = new TcpClient { ReceiveTimeout = (int)Patience.TotalMilliseconds };
        client.Connect(IPAddress.Loopback, port);
        var stream = new SslStream(client.GetStream());
        stream.AuthenticateAsClient(new SslClientAuthenticationOptions
        {
            TargetHost = "test",
            EnabledSslProtocols = version,
            ClientCertificateContext = presents ? SslStreamCertificateContext.Create(_certificate, null, offline: true) : null,
            RemoteCertificateValidationCallback = (_, certificate, _, _) => Meet(certificate),
        });
        return stream;
    }

    /// <summary>Awaits one connection at a port; the stream, or null when the other side went away.</summary>
    public async Task<SslStream?> ServeAsync(TcpListener listener, SslProtocols version = SslProtocols.Tls13)
    {
        TcpClient client = await listener.AcceptTcpClientAsync();
        var stream = new SslStream(client.GetStream());
        try
        {
            await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
            {
                EnabledSslProtocols = version,
                ServerCertificateContext = SslStreamCertificateContext.Create(_certificate, null, offline: true),
                ClientCertificateRequired = true,
                RemoteCertificateValidationCallback = (_, certificate, _, _) => Meet(certificate),
            });
            return stream;
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            return null;
        }
    }

    /// <summary>One request; the answer's line, or null when the other side closed or refused.</summary>
    public static string? Ask(Stream stream, string request)
    {
        try
        {
            stream.Write(Encoding.UTF8.GetBytes(request + "\n"));
            var line = new StringBuilder();
            for (int read = stream.ReadByte(); read >= 0; read = stream.ReadByte())
            {
                if (read == '\n')
                    return line.ToString();
                line.Append((char)read);
            }

            return null;
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        _certificate.Dispose();
        _key.Dispose();
    }

    private bool Meet(X509Certificate? certificate)
    {
        Met = certificate is null ? null : X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        return true;
    }
}
