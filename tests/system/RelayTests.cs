using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>A relay that lies between the published courier and the published gateway.</summary>
public sealed class RelayTests : IDisposable
{
    private readonly Trial _trial = new();
    private readonly RunningProgram _gateway;
    private LyingRelay? _relay;

    public RelayTests()
    {
        _trial.Write("/etc/qwamos/domains.json", """{"domains":[{"name":"gw1","class":"gateway","link":"unix:/run/relay.sock"}]}""");
        _trial.StartDaemon();
        CommandResult signed = _trial.Client("audit", "key", "--sign");
        Assert.True(signed.ExitCode == 0, signed.Error);
        Directory.CreateDirectory(_trial.At("/vms/gw1/etc/qwamos"));
        foreach (string file in (string[])["dom0.pub", "system.id"])
            File.Copy(_trial.At($"/etc/qwamos/{file}"), _trial.At($"/vms/gw1/etc/qwamos/{file}"));
        _trial.Write("/vms/gw1/etc/qwamos/gateway.json", """{"name":"gw1","class":"gateway"}""");
        _gateway = RunningProgram.Start([Binaries.Gateway, "--root", _trial.At("/vms/gw1")], null);
        _gateway.WaitReady();
        NewRelay();
        _trial.StartCourier();
        WaitFor(() => Row().TryGetProperty("key", out _), "it said its key");
        CommandResult enrolled = _trial.Client("domains", "enroll", "gw1", "--fingerprint", Command.Run([Binaries.Gateway, "--root", _trial.At("/vms/gw1"), "fingerprint"]).Output.Trim());
        Assert.True(enrolled.ExitCode == 0, enrolled.Error);
    }

    public void Dispose()
    {
        _relay?.Dispose();
        _gateway.Dispose();
        _trial.Dispose();
    }

    [Fact]
    public void Attack13_ChangeThatARelayTakesInTheDomainsPlace_IsShown_AndTheNextOneBringsItAgain()
    {
        Set("RADIO_ISOLATION", "off");
        WaitFor(() => Desired("RADIO_ISOLATION") == "off" && !Row().GetProperty("behind").GetBoolean(), "it has the first one");
        Assert.Equal(0, _trial.Client("health").ExitCode);

        _relay!.Swallows = true;
        Set("RADIO_ISOLATION", "on");
        WaitFor(() => _relay.Swallowed == 1 && Row().GetProperty("behind").GetBoolean() && Row().GetProperty("report").TryGetProperty("lacks", out _), "its own report shows it");
        Assert.False(Row().GetProperty("undelivered").GetBoolean());
        long entry = Row().GetProperty("taken").GetInt64();
        Assert.Equal(entry, Row().GetProperty("report").GetProperty("lacks").GetProperty("RADIO_ISOLATION").GetProperty("index").GetInt64());
        string status = _trial.Client("status").Output;
        Assert.Matches(@"(?m)^    RADIO_ISOLATION +on +- +lacking +- +it is said to have taken entry \d+, and its own report has something else$", status);
        Assert.Contains($"is behind, and its own report lacks RADIO_ISOLATION of entry {entry}", status, StringComparison.Ordinal);
        CommandResult health = _trial.Client("health");
        Assert.Equal(1, health.ExitCode);
        Assert.Contains($"it is said to have taken what its own report does not have: RADIO_ISOLATION of entry {entry}", health.Output, StringComparison.Ordinal);

        // The relay goes on with numbers that fit. What is signed with the base of the class, as all changes are, brings all of it.
        Set("TOR_ISOLATION", "mandatory");
        WaitFor(() => Desired("RADIO_ISOLATION") == "on" && Desired("TOR_ISOLATION") == "mandatory" && !Row().GetProperty("behind").GetBoolean(), "it has all");
        Assert.Equal(0, _trial.Client("health").ExitCode);
    }

    [Fact]
    public void Attack13_ChangeThatARelayKeptBack_IsMissedByTheDomainItself_WhenTheNextOneComes()
    {
        Set("RADIO_ISOLATION", "off");
        WaitFor(() => Desired("RADIO_ISOLATION") == "off", "it has the first one");
        // Nobody believes its reports, so that none can tell Dom0.
        Assert.Equal(0, _trial.Client("domains", "revoke", "gw1").ExitCode);
        _relay!.Swallows = true;
        Set("RADIO_ISOLATION", "on");
        WaitFor(() => _relay.Swallowed == 1, "it is kept back");
        Set("TOR_ISOLATION", "mandatory");
        WaitFor(() => Row().GetProperty("seq").GetInt64() == 3, "the next one is taken");
        string policy = Command.Run([Binaries.Gateway, "--root", _trial.At("/vms/gw1"), "status"]).Output;
        Assert.Matches(@"(?m)^  RADIO_ISOLATION +on\b", policy);
        Assert.Matches(@"(?m)^  TOR_ISOLATION +mandatory\b", policy);
    }

    [Fact]
    public void Attack07_TrustRootThatARelayTakesInTheDomainsPlace_IsShown_AndTheDomainTakesItLate()
    {
        Set("RADIO_ISOLATION", "off");
        WaitFor(() => Desired("RADIO_ISOLATION") == "off" && !Row().GetProperty("behind").GetBoolean(), "it has the first one");
        _relay!.Swallows = true;
        Assert.Equal("ok", _trial.Ask(Roots.Request(Roots.Of(_trial).Draft(1, ("dom0", _trial.Signer)), _trial.Signer)).Code());
        WaitFor(() => _relay.Swallowed == 1 && Row().GetProperty("report").TryGetProperty("lacks_root", out _), "its own report shows it");
        long entry = Row().GetProperty("report").GetProperty("lacks_root").GetProperty("index").GetInt64();
        CommandResult health = _trial.Client("health");
        Assert.Equal(1, health.ExitCode);
        Assert.Contains($"it is said to have taken what its own report does not have: trust root 1 of entry {entry}", health.Output, StringComparison.Ordinal);
        Assert.Contains($"is behind, and its own report lacks trust root 1 of entry {entry}", _trial.Client("status").Output, StringComparison.Ordinal);

        // Before the next change it is brought the trust root once more.
        Set("TOR_ISOLATION", "mandatory");
        WaitFor(() => Desired("TOR_ISOLATION") == "mandatory" && !Row().GetProperty("behind").GetBoolean(), "it has all");
        Assert.Equal(1, Row().GetProperty("report").GetProperty("trust_version").GetInt64());
        Assert.DoesNotContain("fork", _gateway.Log, StringComparison.Ordinal);
        Assert.Equal(0, _trial.Client("health").ExitCode);
    }

    [Fact]
    public void Attack13_RelayThatGivesOneChangeTheNumberOfAnother_IsFoundWhenItIsGone()
    {
        Set("RADIO_ISOLATION", "off");
        WaitFor(() => Desired("RADIO_ISOLATION") == "off", "it has the first one");
        // Without an operator's word its report is believed no more.
        Assert.Equal(0, _trial.Client("domains", "revoke", "gw1").ExitCode);
        _relay!.Swallows = true;
        Set("RADIO_ISOLATION", "on");
        WaitFor(() => _relay.Swallowed == 1, "it is kept back");
        // A change that names no base, as an older client's.
        Assert.Equal("ok", _trial.Ask(_trial.Signer.Request(TestSigner.Draft("""{"VPN_KILL_SWITCH":"on"}"""))).Code());
        WaitFor(() => Row().GetProperty("seq").GetInt64() == 3 && !Row().GetProperty("behind").GetBoolean(), "nobody can know");

        _relay.Dispose();
        NewRelay();
        WaitFor(() => Row().GetProperty("behind").GetBoolean() && Row().TryGetProperty("last_error", out JsonElement error) && error.GetString()!.Contains("a delivery may be missing there", StringComparison.Ordinal), "its number does not fit");
        Assert.Contains("was brought delivery 3, entry", _trial.Courier!.Log, StringComparison.Ordinal);
        Set("TOR_ISOLATION", "mandatory");
        WaitFor(() => !Row().GetProperty("behind").GetBoolean(), "it has all");
        Assert.Matches(@"(?m)^  RADIO_ISOLATION +on\b", Command.Run([Binaries.Gateway, "--root", _trial.At("/vms/gw1"), "status"]).Output);
    }

    private void NewRelay()
    {
        File.Delete(_trial.At("/run/relay.sock"));
        _relay = new LyingRelay(_trial.At("/run/relay.sock"), _trial.At("/vms/gw1/run/qwamos/gateway-bus.sock"));
    }

    private void Set(string key, string value, params string[] more)
    {
        CommandResult set = _trial.Client(["set", key, value, .. more]);
        Assert.True(set.ExitCode == 0, set.Error);
    }

    private JsonElement Row() => _trial.Status().GetProperty("gateways").GetProperty("gw1");

    private string? Desired(string key) =>
        Row().TryGetProperty("report", out JsonElement report) && report.GetProperty("keys").TryGetProperty(key, out JsonElement said) ? said.GetProperty("desired").GetString() : null;

    private void WaitFor(Func<bool> condition, string what) => Eventually.True(condition, what, () => $"{_trial.Status()}\n{_trial.Courier?.Log}\n{_gateway.Log}");
}
