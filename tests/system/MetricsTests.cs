using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>What Prometheus reads of the published daemon, over a socket that systemd's own tool hands to it.</summary>
public sealed class MetricsTests : IDisposable
{
    private readonly Trial _trial = new();

    private string MetricsSocket => _trial.At("/run/qwamos/metrics.sock");

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void TheFigures_FollowWhatTheDaemonDid_AndTellNothingOfThePolicy()
    {
        StartDaemon();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        Assert.Equal("ok", _trial.Set("KERNEL_HARDENING", "\"strict\"").Code());
        Assert.Equal("invalid_policy", _trial.Set("RADIO_ISOLATION", "\"sometimes\"").Code());
        byte[] twice = _trial.Signer.SetPolicy("""{"VPN_KILL_SWITCH":"on"}""");
        Assert.Equal("ok", _trial.Ask(twice).Code());
        Assert.Equal("replayed", _trial.Ask(twice).Code());

        string page = Get("/metrics");
        Dictionary<string, double> figures = Parse(page);
        Assert.Equal(3, figures["qwamos_requests_total{code=\"accepted\"}"]);
        Assert.Equal(1, figures["qwamos_requests_total{code=\"invalid_policy\"}"]);
        Assert.Equal(1, figures["qwamos_requests_total{code=\"replayed\"}"]);
        Assert.Equal(0, figures["qwamos_requests_total{code=\"busy\"}"]);
        Assert.Equal(_trial.Status().GetProperty("size").GetInt64(), figures["qwamos_ledger_entries"]);
        Assert.InRange(figures["qwamos_ledger_bytes"], new FileInfo(_trial.LedgerFile).Length, 10_000_000);
        Assert.Equal(5, figures["qwamos_stage_seconds_count{stage=\"verify\"}"]);
        Assert.Equal(5, figures["qwamos_stage_seconds_count{stage=\"wait\"}"]);
        Assert.Equal(5, figures["qwamos_stage_seconds_count{stage=\"queue\"}"]);
        foreach (string stage in (string[])["commit", "publish", "answer"])
            Assert.InRange(figures[$"qwamos_stage_seconds_count{{stage=\"{stage}\"}}"], 1, 5);
        Assert.InRange(figures["qwamos_stage_seconds_sum{stage=\"verify\"}"], 5 * 0.000_010, 60);
        Assert.Equal(1, figures["qwamos_staged_keys"]);
        Assert.Equal(0, figures["qwamos_boot_trial_keys"]);
        Assert.Equal(0, figures["qwamos_boot_put_back_keys"]);
        Assert.Equal(0, figures["qwamos_requests_unfinished"]);
        Assert.Equal(0, figures["qwamos_requests_waiting"]);
        Assert.Equal(0, figures["qwamos_storage_full"]);
        Assert.InRange(figures["qwamos_checkpoint_age_seconds"], 0, 90);
        Assert.True(figures.ContainsKey("process_resident_memory_bytes") || figures.ContainsKey("process_working_set_bytes"), page);
        foreach (string secret in (string[])["RADIO", "KERNEL_HARDENING", "VPN", "strict", _trial.Root])
            Assert.DoesNotContain(secret, page, StringComparison.Ordinal);
    }

    [Fact]
    public void AGatewayThatIsNotThere_LagsUntilItTakesWhatItLacks()
    {
        _trial.Write("/etc/qwamos/qwamosd.json", """{"gateways":[{"name":"vault","class":"gateway","socket":"/run/qwamos/gateway-bus.sock"}]}""");
        _trial.Write("/etc/qwamos/gateway.json", """{"name":"vault","class":"gateway"}""");
        StartDaemon();
        Assert.Equal("ok", _trial.Set("VPN_KILL_SWITCH", "\"on\"").Code());
        Eventually.True(() => Parse(Get("/metrics"))["qwamos_domain_lag_seconds{domain=\"vault\"}"] >= 1, "the lag grows");
        Assert.Equal(-1, Parse(Get("/metrics"))["qwamos_domain_entry{domain=\"vault\"}"]);
        _trial.StartGateway();
        Eventually.True(() => Parse(Get("/metrics"))["qwamos_domain_entry{domain=\"vault\"}"] == 0, "the gateway has taken it");
        Assert.Equal(0, Parse(Get("/metrics"))["qwamos_domain_lag_seconds{domain=\"vault\"}"]);
        Assert.Equal(0, Parse(Get("/metrics"))["qwamos_witness_alarm{domain=\"vault\"}"]);
    }

    [Fact]
    public void WhoAsksForMore_OrHangs_GetsNothing_AndHoldsNobodyUp()
    {
        StartDaemon();
        Assert.StartsWith("HTTP/1.1 404", Send("GET /../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 405", Send("POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 400", Send("{\"msg\":{\"command\":\"get_status\"}}\r\n\r\n"), StringComparison.Ordinal);
        Assert.Matches("^HTTP/1.1 4(13|14|31)", Send("GET /metrics?" + new string('x', 20_000) + " HTTP/1.1\r\nHost: x\r\n\r\n"));
        Socket[] hanging = [.. Enumerable.Range(0, 50).Select(_ => Connect())];
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        Eventually.True(() => Attempt("/metrics") is { Length: > 0 }, "those who hang are thrown out");
        foreach (Socket socket in hanging)
            socket.Dispose();
    }

    [Fact]
    public void WithoutTheSocket_ThereAreNone()
    {
        _trial.StartDaemon();
        Assert.Equal(["bus.sock", "bus.sock.lock"], Directory.GetFileSystemEntries(_trial.At("/run/qwamos")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    /// <summary>systemd-socket-activate starts the daemon at the first connection, and gives it the listening socket.</summary>
    private void StartDaemon()
    {
        Needs.Tool("systemd-socket-activate");
        Directory.CreateDirectory(_trial.At("/run/qwamos"));
        RunningProgram daemon = _trial.StartDaemon(["systemd-socket-activate", "--listen=" + MetricsSocket, "--fdname=metrics"], waitReady: false);
        Eventually.True(() => File.Exists(MetricsSocket), "the socket is there", () => daemon.Log);
        using (Connect())
            daemon.WaitReady();
        _trial.StartCourier();
    }

    private Socket Connect()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 30_000, SendTimeout = 30_000 };
        socket.Connect(new UnixDomainSocketEndPoint(MetricsSocket));
        return socket;
    }

    private string Send(string request)
    {
        using Socket socket = Connect();
        socket.Send(Encoding.ASCII.GetBytes(request));
        using var answer = new StreamReader(new NetworkStream(socket));
        return answer.ReadToEnd();
    }

    private string Get(string path) => Attempt(path) ?? throw new InvalidOperationException("nobody answers");

    private string? Attempt(string path)
    {
        try
        {
            using var client = new HttpClient(new SocketsHttpHandler { ConnectCallback = (_, _) => new ValueTask<Stream>(new NetworkStream(Connect(), ownsSocket: true)) });
            using HttpResponseMessage answer = client.Send(new HttpRequestMessage(HttpMethod.Get, "http://metrics" + path));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.StartsWith("text/plain; version=0.0.4", answer.Content.Headers.ContentType?.ToString(), StringComparison.Ordinal);
            using var text = new StreamReader(answer.Content.ReadAsStream());
            return text.ReadToEnd();
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private static Dictionary<string, double> Parse(string page) => page.Split('\n')
        .Where(line => line.Length > 0 && line[0] != '#')
        .Select(line => line.Split(' '))
        .ToDictionary(pair => pair[0], pair => double.Parse(pair[1], CultureInfo.InvariantCulture), StringComparer.Ordinal);
}
