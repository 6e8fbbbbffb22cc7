using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>Links over TLS by the published qwamos-link: Dom0 and a VM, each with files of its own, on this machine's loopback.</summary>
public sealed class TlsLinkTests : IDisposable
{
    private const string GetStatus = """{"msg":{"command":"get_status"}}""";

    private readonly Trial _dom0 = new();
    private readonly Trial _vm = new(enrolled: false);
    private readonly int _port = FreePort();
    private readonly TlsPeer _known = new(TimeSpan.FromDays(60));
    private RunningProgram? _serve;

    public void Dispose()
    {
        _known.Dispose();
        _dom0.Dispose();
        _vm.Dispose();
    }

    [Fact]
    public void AChangeGoesTheWholeWay()
    {
        _dom0.Write("/etc/qwamos/domains.json", $$"""{"domains":[{"name":"gateway","class":"gateway","link":"tls:127.0.0.1:{{_port}}"}]}""");
        _dom0.StartDaemon();
        StartVm();
        RunningProgram dial = _dom0.StartLink("dial");
        Pin(_vm, Fingerprint(_dom0));
        _dom0.StartCourier();
        Assert.Equal(0, _dom0.Client("audit", "key", "--sign").ExitCode);
        Assert.Equal("ok", _dom0.Set("RADIO_ISOLATION", "\"on\"").Code());
        // Whose key is at the other end nobody has said: nothing is dialled.
        Eventually.True(() => DomainShown().Contains("no operator has vouched for its key", StringComparison.Ordinal), "the courier waits for an operator", DomainShown);
        CommandResult bare = _dom0.Client("domains", "enroll", "gateway");
        Assert.Equal(2, bare.ExitCode);
        Assert.Contains("--key BASE64 --tls-key HEX", bare.Error, StringComparison.Ordinal);

        string domain = Command.Run([Binaries.Gateway, "--root", _vm.Root, "fingerprint", "--key"]).Output.Trim();
        Enrol(domain, _known.Fingerprint);
        Eventually.True(() => DomainShown().Contains($"shows the key {Fingerprint(_vm)}", StringComparison.Ordinal), "another key than that is refused, and status names it", DomainShown);
        Enrol(domain, Fingerprint(_vm));
        Eventually.True(() => RadioInVm() == "on", "the change arrives", () => $"{_dom0.Status()}\n{dial.Log}\n{_serve!.Log}");
        Assert.Equal("600", Command.Run(["stat", "-c", "%a", _vm.At("/var/lib/qwamos-link/tls_sk")]).Output.Trim());

        // Attack7: what is revoked is cut off where it is connected, and hears of nothing more.
        Assert.Equal(0, _dom0.Client("domains", "revoke", "gateway").ExitCode);
        Eventually.True(() => DomainShown().Contains("its key is revoked: qwamosctl", StringComparison.Ordinal), "the link is ended", DomainShown);
        Assert.Equal("ok", _dom0.Set("RADIO_ISOLATION", "\"off\"").Code());
        Eventually.True(() => DomainShown().Contains("its key is revoked: qwamosctl", StringComparison.Ordinal), "and stays so", DomainShown);
        Assert.Equal("on", RadioInVm());
        Enrol(domain, Fingerprint(_vm));
        Eventually.True(() => RadioInVm() == "off", "what was missed arrives", () => $"{_dom0.Status()}\n{dial.Log}\n{_serve!.Log}");
    }

    [Fact]
    public void AChangeGoesTheWholeWay_OverAUnixSocketThatSomethingElseCarriesOn_AndIsInForce()
    {
        const string InDom0 = "/run/carried.sock", InVm = "/run/qwamos-link-serve/link.sock";
        _dom0.Write("/etc/qwamos/domains.json", $$"""{"domains":[{"name":"gateway","class":"gateway","link":"tls+unix:{{InDom0}}"}]}""");
        _dom0.StartDaemon();
        Directory.CreateDirectory(_vm.At(Path.GetDirectoryName(InVm)!), (UnixFileMode)0x1E8);
        _vm.Write("/etc/qwamos/hooks.d/RADIO_ISOLATION", "#!/bin/sh\nexit 0\n", (UnixFileMode)0x1ED);
        StartVm(listen: $"tls+unix:{InVm}");
        using var carrier = new SocketCarrier(_dom0.At(InDom0), _vm.At(InVm));
        RunningProgram dial = _dom0.StartLink("dial");
        Pin(_vm, Fingerprint(_dom0));
        _dom0.StartCourier();
        Assert.Equal(0, _dom0.Client("audit", "key", "--sign").ExitCode);
        Enrol(Command.Run([Binaries.Gateway, "--root", _vm.Root, "fingerprint", "--key"]).Output.Trim(), Fingerprint(_vm));
        AssertInForce("on");
        // A handshake's record, then nothing that could be read on the way.
        byte[] carried = carrier.Carried;
        Assert.Equal([0x16, 0x03], carried[..2]);
        Assert.Equal(-1, carried.AsSpan().IndexOf("RADIO_ISOLATION"u8));
        Assert.Equal(-1, carried.AsSpan().IndexOf("\"command\""u8));

        carrier.Drop();
        AssertInForce("off");
        Assert.True(carrier.Carried.Length > carried.Length);

        void AssertInForce(string value)
        {
            CommandResult set = _dom0.Client("set", "RADIO_ISOLATION", value, "--wait");
            Assert.True(set.ExitCode == 0, $"{set.Error}\n{_dom0.Status()}\n{dial.Log}\n{_serve!.Log}");
            Assert.Equal(value, RadioInVm());
        }
    }

    [Fact]
    public void Attack24_HandshakesThatNobodyEnds_KeepDom0sOut_OfNothing()
    {
        StartVm();
        Pin(_vm, _known.Fingerprint);
        List<TcpClient> silent = [];
        try
        {
            // More than a door has room for.
            for (int i = 0; i < 40; i++)
            {
                silent.Add(new TcpClient());
                silent[^1].Connect(IPAddress.Loopback, _port);
            }
            using SslStream link = _known.Dial(_port);
            Assert.Contains("\"status\":\"ok\"", TlsPeer.Ask(link, GetStatus), StringComparison.Ordinal);
        }
        finally
        {
            foreach (TcpClient client in silent)
                client.Dispose();
        }
    }

    [Fact]
    public void WhoIsPinned_IsServed()
    {
        StartVm();
        Pin(_vm, _known.Fingerprint);
        using SslStream link = _known.Dial(_port);
        Assert.Contains("\"status\":\"ok\"", TlsPeer.Ask(link, GetStatus), StringComparison.Ordinal);
        Assert.Equal(SslProtocols.Tls13, link.SslProtocol);
        Assert.Equal(Fingerprint(_vm), Convert.ToHexStringLower(SHA256.HashData(_known.Met!.PublicKey.ExportSubjectPublicKeyInfo())));
    }

    [Fact]
    public void Attack5_AnotherKey_OrNone_IsRefused()
    {
        StartVm();
        Pin(_vm, _known.Fingerprint);
        using var stranger = new TlsPeer(TimeSpan.FromDays(60));
        AssertRefused(() => stranger.Dial(_port));
        AssertRefused(() => _known.Dial(_port, presents: false));
        _serve!.WaitForLog($"its key {stranger.Fingerprint} is not pinned");
    }

    /// <summary>Whoever connects would else have this machine ask any address that a certificate names.</summary>
    [Fact]
    public void Attack5_WhatACertificateNames_IsNotFetched()
    {
        StartVm();
        using var issuer = new TcpListener(IPAddress.Loopback, 0);
        issuer.Start();
        using var peer = new TlsPeer(TimeSpan.FromDays(60), new Uri($"http://{issuer.LocalEndpoint}/issuer.cer"));
        Pin(_vm, peer.Fingerprint);
        using SslStream link = peer.Dial(_port);
        Assert.Contains("\"status\":\"ok\"", TlsPeer.Ask(link, GetStatus), StringComparison.Ordinal);
        Assert.False(issuer.Pending());
    }

    [Fact]
    public void Attack5_AnExpiredCertificate_IsRefusedThoughItsKeyIsPinned()
    {
        StartVm();
        using var expired = new TlsPeer(TimeSpan.FromHours(-1));
        Pin(_vm, expired.Fingerprint);
        AssertRefused(() => expired.Dial(_port));
        _serve!.WaitForLog("its certificate expired");
    }

    [Fact]
    public void Attack7_AKeyThatIsRevoked_IsRefused_AndCutOffWhereItIsConnected()
    {
        StartVm();
        Pin(_vm, _known.Fingerprint);
        using SslStream link = _known.Dial(_port);
        Assert.NotNull(TlsPeer.Ask(link, GetStatus));
        CommandResult unpinned = _vm.Link("unpin", _known.Fingerprint);
        Assert.True(unpinned.ExitCode == 0, unpinned.Error);
        AssertRefused(() => _known.Dial(_port));
        // Nothing is asked: the other side ends it by itself.
        Assert.True(EndsByItself(link));
        _serve!.WaitForLog("is cut: its key");
    }

    [Fact]
    public void Attack8_Tls12_IsRefused()
    {
        StartVm();
        Pin(_vm, _known.Fingerprint);
        AssertRefused(() => _known.Dial(_port, SslProtocols.Tls12));
        _serve!.WaitForLog("no TLS 1.3 handshake");
    }

    [Fact]
    public void Attack20_PlainText_IsRefused()
    {
        StartVm();
        using var client = new TcpClient { ReceiveTimeout = 20_000 };
        client.Connect(IPAddress.Loopback, _port);
        string? answer = TlsPeer.Ask(client.GetStream(), GetStatus);
        Assert.True(answer is null || !answer.Contains("status", StringComparison.Ordinal), answer);
        _serve!.WaitForLog("no TLS 1.3 handshake");
    }

    [Theory]
    [InlineData("another key")]
    [InlineData("expired")]
    [InlineData("TLS 1.2")]
    public async Task Attack5_Dom0RefusesADomainThatIsNotWhoItMustBe(string fault)
    {
        using var listener = new TcpListener(IPAddress.Loopback, _port);
        listener.Start();
        using var peer = new TlsPeer(fault == "expired" ? TimeSpan.FromHours(-1) : TimeSpan.FromDays(60));
        _dom0.Write("/etc/qwamos/domains.json", $$"""{"domains":[{"name":"gateway","class":"gateway","link":"tls:127.0.0.1:{{_port}}"}]}""");
        RunningProgram dial = _dom0.StartLink("dial");
        Task<SslStream?> serving = peer.ServeAsync(listener, fault == "TLS 1.2" ? SslProtocols.Tls12 : SslProtocols.Tls13);
        using BusClient courier = BusClient.Connect(_dom0.At("/run/qwamos-link/gateway.sock"));
        courier.Send((fault == "another key" ? _known.Fingerprint : peer.Fingerprint) + "\n" + GetStatus);
        string why = fault switch { "expired" => "its certificate expired", "another key" => $"shows the key {peer.Fingerprint}", _ => "no TLS 1.3 handshake" };
        Assert.Contains(why, courier.ReadLine(), StringComparison.Ordinal);
        Assert.Null(courier.ReadLine());
        dial.WaitForLog(why);
        // Whatever the handshake was on its side, not a byte of a request came.
        if (await serving is { } stream)
            Assert.Null(TlsPeer.Ask(stream, ""));
    }

    [Fact]
    public void ACertificateIsRenewedLongBeforeItExpires_FromTheSameKey()
    {
        string? library = FakeTime.Library();
        Assert.SkipUnless(library is not null, "needs libfaketime, which is not installed");
        _vm.Write("/clock", "+0");
        StartVm(new Dictionary<string, string>
        {
            ["LD_PRELOAD"] = library, ["FAKETIME_TIMESTAMP_FILE"] = _vm.At("/clock"), ["FAKETIME_NO_CACHE"] = "1", ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
        });
        Pin(_vm, _known.Fingerprint);
        (DateTime first, string key) = Meet();
        Assert.InRange(first - DateTime.UtcNow, TimeSpan.FromDays(29), TimeSpan.FromDays(30.1));
        _vm.Write("/clock", "+10d");
        Assert.Equal((first, key), Meet());
        _vm.Write("/clock", "+21d");
        (DateTime second, string same) = Meet();
        Assert.InRange(second - first, TimeSpan.FromDays(20.9), TimeSpan.FromDays(21.1));
        Assert.Equal(key, same);
    }

    private (DateTime Ends, string Key) Meet()
    {
        using SslStream link = _known.Dial(_port);
        Assert.NotNull(TlsPeer.Ask(link, GetStatus));
        return (_known.Met!.NotAfter.ToUniversalTime(), Convert.ToHexStringLower(SHA256.HashData(_known.Met.PublicKey.ExportSubjectPublicKeyInfo())));
    }

    /// <summary>A VM with the operator's key, its gateway, and the link's end.</summary>
    private void StartVm(IReadOnlyDictionary<string, string>? environment = null, string? listen = null)
    {
        Directory.CreateDirectory(_vm.At("/etc/qwamos"));
        File.Copy(_dom0.At("/etc/qwamos/dom0.pub"), _vm.At("/etc/qwamos/dom0.pub"));
        if (File.Exists(_dom0.At("/etc/qwamos/system.id")))
            _vm.Write("/etc/qwamos/system.id", File.ReadAllText(_dom0.At("/etc/qwamos/system.id")));
        _vm.Write("/etc/qwamos/link.json", $$"""{"listen":"{{listen ?? $"tls:127.0.0.1:{_port}"}}"}""");
        _vm.StartGateway();
        _serve = _vm.StartLink("serve", environment);
    }

    private static string Fingerprint(Trial machine)
    {
        CommandResult printed = machine.Link("fingerprint");
        Assert.True(printed.ExitCode == 0, printed.Error);
        return printed.Output.Trim();
    }

    private string DomainShown() => _dom0.Client("domains").Output;

    private string? RadioInVm() => _vm.Ask("""{"msg":{"command":"get_status"}}"""u8, _vm.GatewaySocket).Policy("RADIO_ISOLATION");

    private void Enrol(string key, string tlsKey)
    {
        CommandResult enrolled = _dom0.Client("domains", "enroll", "gateway", "--key", key, "--tls-key", tlsKey);
        Assert.True(enrolled.ExitCode == 0, enrolled.Error);
    }

    private static void Pin(Trial machine, string fingerprint)
    {
        CommandResult pinned = machine.Link("pin", fingerprint);
        Assert.True(pinned.ExitCode == 0, pinned.Error);
    }

    /// <summary>Whether the handshake fails, or the other side ends what follows it: nothing is answered.</summary>
    private static void AssertRefused(Func<SslStream> dial)
    {
        try
        {
            using SslStream link = dial();
            Assert.Null(TlsPeer.Ask(link, GetStatus));
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            // In the handshake already.
        }
    }

    private static bool EndsByItself(SslStream link)
    {
        try
        {
            return link.ReadByte() < 0;
        }
        catch (IOException e)
        {
            // A read that is out of patience is none of the other side's doing.
            return e.InnerException is not SocketException { SocketErrorCode: SocketError.TimedOut or SocketError.WouldBlock };
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
