using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>What domains report, by the published programs: three gateways, each with a key of its own, and who waits for them.</summary>
public sealed class ReportTests : IDisposable
{
    private const UnixFileMode Executable = (UnixFileMode)0x1ED;

    private static readonly string[] Names = ["gw1", "gw2", "gw3"];

    private readonly Trial _trial = new();
    private readonly Dictionary<string, RunningProgram> _gateways = [];

    public ReportTests()
    {
        string domains = string.Join(',', Names.Select(name => $$"""{"name":"{{name}}","class":"gateway","link":"unix:/vms/{{name}}/run/qwamos/gateway-bus.sock"}"""));
        _trial.Write("/etc/qwamos/domains.json", $"{{\"domains\":[{domains}]}}");
        _trial.StartDaemon();
        _trial.StartCourier();
        CommandResult signed = _trial.Client("audit", "key", "--sign");
        Assert.True(signed.ExitCode == 0, signed.Error);
        foreach (string name in Names)
        {
            foreach (string file in (string[])["dom0.pub", "system.id"])
            {
                Directory.CreateDirectory(_trial.At($"/vms/{name}/etc/qwamos"));
                File.Copy(_trial.At($"/etc/qwamos/{file}"), _trial.At($"/vms/{name}/etc/qwamos/{file}"));
            }
            _trial.Write($"/vms/{name}/etc/qwamos/gateway.json", $"{{\"name\":\"{name}\",\"class\":\"gateway\",\"radio\":{{\"interfaces\":[\"wlan0\"]}}}}");
            _trial.Write($"/vms/{name}/dev/rfkill", "");
            _trial.Write($"/vms/{name}/sys/class/rfkill/rfkill0/hard", "0\n");
            _trial.Write($"/vms/{name}/sys/class/net/wlan0/statistics/tx_packets", "1\n");
            Driver(name, isBlocked: true);
            Start(name);
        }
    }

    public void Dispose()
    {
        foreach (RunningProgram gateway in _gateways.Values)
            gateway.Dispose();
        _trial.Dispose();
    }

    [Fact]
    public void NobodyIsBelievedBeforeTheFingerprintsWereCompared()
    {
        WaitFor(() => new[] { "gw1", "gw2" }.All(name => Fault(name).StartsWith("no operator has vouched for its key", StringComparison.Ordinal)), "their reports are heard");
        Assert.Equal((1, 0), (Enrol("gw1", new string('0', 64)).ExitCode, Entries("domain_key")));
        CommandResult set = _trial.Client("set", "RADIO_ISOLATION", "on", "--wait");
        Assert.Equal(1, set.ExitCode);
        Assert.Contains($"gw1: no operator has vouched for its key: qwamosctl --root {_trial.Root} --home {_trial.Home} domains enroll gw1", set.Error, StringComparison.Ordinal);

        CommandResult enrolled = Enrol("gw1", Fingerprint("gw1"));
        Assert.True(enrolled.ExitCode == 0, enrolled.Error);
        WaitFor(() => State("gw1") == "in_force", "it is believed");
        CommandResult status = _trial.Client("status");
        Assert.Matches(@"(?m)^  gw1\n    RADIO_IDLE_TIMEOUT_MIN .*\n    RADIO_ISOLATION +on +on +in force +\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$", status.Output);
        Assert.Contains("gw2: not known: no operator has vouched for its key", status.Output, StringComparison.Ordinal);
        WaitFor(() => Entries("in_force") == 1, "the ledger has it");
        Assert.Equal(0, _trial.Client("audit", "verify").ExitCode);
        CommandResult fsck = Command.Run([Binaries.Daemon, "--root", _trial.Root, "fsck"]);
        Assert.True(fsck.ExitCode == 0, fsck.Error);
        Assert.Contains(", 1 of domains, of what is in force in them, hold under the keys that were enrolled for them then, and 0 entries, root's notes, have none.", fsck.Output, StringComparison.Ordinal);

        Assert.Equal(0, _trial.Client("domains", "revoke", "gw1").ExitCode);
        WaitFor(() => Fault("gw1").StartsWith("its key is revoked", StringComparison.Ordinal), "it is believed no more");
    }

    [Fact]
    public void SetWait_ReturnsWhenAllHaveIt_AndNamesTheOneThatIsDead()
    {
        EnrolAll();
        _gateways["gw3"].Kill9();
        CommandResult set = _trial.Client("set", "RADIO_ISOLATION", "on", "--wait", "--timeout", "3s");
        Assert.Equal(1, set.ExitCode);
        Assert.Contains("is in force in 2 of 3 domains after 3 s", set.Error, StringComparison.Ordinal);
        Assert.Contains("gw3: waiting: ", set.Error, StringComparison.Ordinal);
        Start("gw3");
        WaitFor(() => State("gw3") == "in_force", "it takes what it missed");
        CommandResult again = _trial.Client("-o", "json", "set", "RADIO_IDLE_TIMEOUT_MIN", "7", "--wait");
        Assert.True(again.ExitCode == 0, again.Error);
        using JsonDocument answer = JsonDocument.Parse(again.Output);
        Assert.Equal((3, 3), (answer.RootElement.GetProperty("in_force").GetProperty("concerned").GetInt32(), answer.RootElement.GetProperty("in_force").GetProperty("in_force").GetInt32()));

        // One that cannot put it in force says so, and is not waited for any longer.
        Driver("gw2", isBlocked: false);
        set = _trial.Client("set", "RADIO_ISOLATION", "on", "RADIO_IDLE_TIMEOUT_MIN", "8", "--wait", "--timeout", "25s");
        Assert.Equal(1, set.ExitCode);
        Assert.Contains("gw2: failed: RADIO_", set.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("after 25 s", set.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void SetWait_OfAChangeThatSetsNothing_TellsOfTheOneThatDid()
    {
        EnrolAll();
        Assert.Equal(0, _trial.Client("set", "RADIO_ISOLATION", "on", "--wait").ExitCode);
        Assert.Equal(0, _trial.Client("set", "RADIO_ISOLATION", "off", "--mode", "staged").ExitCode);
        CommandResult back = _trial.Client("-o", "json", "set", "RADIO_ISOLATION", "on", "--mode", "staged", "--wait", "--timeout", "20s");
        Assert.True(back.ExitCode == 0, back.Error);
        using (JsonDocument answer = JsonDocument.Parse(back.Output))
            Assert.Equal("RADIO_ISOLATION", Assert.Single(answer.RootElement.GetProperty("result").GetProperty("unstaged").EnumerateArray()).GetString());
        // The value that is in force is the one before; where that is not, nor is this.
        _gateways["gw2"].Kill9();
        Assert.Equal(1, _trial.Client("set", "RADIO_ISOLATION", "off", "--wait", "--timeout", "3s").ExitCode);
        CommandResult same = _trial.Client("set", "RADIO_ISOLATION", "off", "--mode", "staged", "--wait", "--timeout", "3s");
        Assert.Equal(1, same.ExitCode);
        Assert.Contains("is in force in 2 of 3 domains", same.Error, StringComparison.Ordinal);
        Assert.Contains("gw2: waiting", same.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack11_OneVmCannotSpeakForAnother()
    {
        EnrolAll();
        _gateways["gw2"].Stop();
        File.Copy(_trial.At("/vms/gw1/var/lib/qwamos-gateway/domain_sk"), _trial.At("/vms/gw2/var/lib/qwamos-gateway/domain_sk"), overwrite: true);
        Start("gw2");
        WaitFor(() => Fault("gw2").StartsWith("its report is not signed by the key that is enrolled for it", StringComparison.Ordinal), "the other key is found out");
        CommandResult set = _trial.Client("set", "RADIO_ISOLATION", "on", "--wait", "--timeout", "3s");
        Assert.Equal(1, set.ExitCode);
        Assert.Contains("is in force in 2 of 3 domains", set.Error, StringComparison.Ordinal);
        Assert.Contains("gw2: waiting", set.Error, StringComparison.Ordinal);
        // Its key is another domain's, and is not enrolled for two.
        Assert.Equal(1, Enrol("gw2", Fingerprint("gw1")).ExitCode);
    }

    [Fact]
    public void Attack32_DriftIsSeenInStatus()
    {
        EnrolAll();
        Assert.Equal(0, _trial.Client("set", "RADIO_ISOLATION", "on", "--wait").ExitCode);
        Driver("gw1", isBlocked: false);
        WaitFor(() => Report("gw1")?.GetProperty("keys").TryGetProperty("RADIO_ISOLATION", out JsonElement key) == true && key.TryGetProperty("drifted", out _), "somebody turned the radio on");
        WaitFor(() => State("gw1") == "failed", "the driver does nothing");
        Driver("gw1", isBlocked: true);
        WaitFor(() => State("gw1") == "in_force", "it is corrected");
        Assert.Contains("somebody changed it at ", _trial.Client("status").Output, StringComparison.Ordinal);
        Assert.Equal("in_force", State("gw2"));
    }

    private void Start(string name)
    {
        RunningProgram gateway = RunningProgram.Start([Binaries.Gateway, "--root", _trial.At($"/vms/{name}")], null);
        gateway.WaitReady();
        _gateways[name] = gateway;
    }

    private void Driver(string name, bool isBlocked) => _trial.Write($"/vms/{name}/sys/class/rfkill/rfkill0/soft", isBlocked ? "1\n" : "0\n");

    private string Fingerprint(string name) => Command.Run([Binaries.Gateway, "--root", _trial.At($"/vms/{name}"), "fingerprint"]).Output.Trim();

    private CommandResult Enrol(string name, string fingerprint) => _trial.Client("domains", "enroll", name, "--fingerprint", fingerprint);

    private void EnrolAll()
    {
        foreach (string name in Names)
        {
            WaitFor(() => _trial.Status().GetProperty("gateways").GetProperty(name).TryGetProperty("key", out _), $"{name} said its key");
            CommandResult enrolled = Enrol(name, Fingerprint(name));
            Assert.True(enrolled.ExitCode == 0, enrolled.Error);
        }
    }

    private JsonElement? Report(string name) => _trial.Status().GetProperty("gateways").GetProperty(name).TryGetProperty("report", out JsonElement report) ? report : null;

    private string Fault(string name) => Report(name)?.TryGetProperty("fault", out JsonElement fault) == true ? fault.GetString()! : "";

    private string State(string name) => Report(name)?.GetProperty("keys").TryGetProperty("RADIO_ISOLATION", out JsonElement key) == true ? key.GetProperty("state").GetString()! : "";

    private int Entries(string member) => _trial.Client("-o", "json", "audit", "show").Output.Split('\n').Count(line => line.Contains($"\"{member}\":", StringComparison.Ordinal));

    private void WaitFor(Func<bool> condition, string what) => Eventually.True(condition, what, () => $"{_trial.Status()}\n{_trial.Courier!.Log}\n{string.Join('\n', _gateways.Values.Select(gateway => gateway.Log))}");
}
