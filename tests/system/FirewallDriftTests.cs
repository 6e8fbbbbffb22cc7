using System.Diagnostics;
using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>Drift of a gateway's firewall, from its kernel up to Dom0's status: qwamosd, its courier, and an enrolled gateway in a network namespace.</summary>
public sealed class FirewallDriftTests(ITestOutputHelper output) : IDisposable
{
    private static readonly (string Key, string Value)[] Policy = [("RADIO_HARDENING.level", "strict"), ("TOR_ISOLATION", "mandatory"), ("VPN_KILL_SWITCH", "on")];

    private readonly FirewallTrial _firewall = new();

    private Trial Dom0 => _firewall.Trial;

    public void Dispose() => _firewall.Dispose();

    [Fact]
    public void Attack32_AFlushedRuleset_IsBack_AndDom0sStatusSaysThatSomebodyChangedIt()
    {
        RunningProgram gateway = Begin(ThreeNetworks.Facts());
        string desired = Listed();
        Assert.Contains("table inet qwamos", desired, StringComparison.Ordinal);
        Assert.DoesNotContain("somebody changed it at", Dom0.Client("status").Output, StringComparison.Ordinal);

        Flush();
        var since = Stopwatch.StartNew();
        WaitFor(() => Listed() == desired, "the rules are back", gateway);
        output.WriteLine($"the rules were back {since.Elapsed.TotalSeconds:F1} s after the flush");
        WaitFor(() => Policy.All(set => Reported(set.Key, "drifted") is not null && Reported(set.Key, "state") == "in_force"), "Dom0 knows", gateway);
        output.WriteLine($"Dom0's status said so {since.Elapsed.TotalSeconds:F1} s after the flush");
        string status = Dom0.Client("status").Output;
        foreach ((string key, string value) in Policy)
            Assert.Matches($@"(?m)^    {key} +{value} +{value} +in force +\S+ \S+Z +somebody changed it at \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\dZ$", status);
    }

    [Fact]
    public void Attack32_AFlushedRulesetThatIsOnlyWarnedOf_IsDriftedInDom0sStatus_AndStaysAway_UntilTheKeyIsSetAnew()
    {
        string facts = ThreeNetworks.Facts().TrimEnd();
        RunningProgram gateway = Begin(facts[..^1] + ",\"drift\":{" + string.Join(',', Policy.Select(set => $"\"{set.Key}\":\"warn\"")) + "}}");
        string desired = Listed();

        Flush();
        var since = Stopwatch.StartNew();
        WaitFor(() => Policy.All(set => Reported(set.Key, "state") == "drifted"), "Dom0 knows", gateway);
        output.WriteLine($"Dom0's status said so {since.Elapsed.TotalSeconds:F1} s after the flush");
        string why = Reported("TOR_ISOLATION", "why")!;
        Assert.StartsWith("table inet qwamos cannot be listed: nft: ", why, StringComparison.Ordinal);
        Assert.Matches($@"(?m)^    TOR_ISOLATION +mandatory +- +drifted +\S+ \S+Z +{System.Text.RegularExpressions.Regex.Escape(why)}; somebody changed it at ", Dom0.Client("status").Output);
        // An empty table is another drift: it is looked at again, and still nothing is put right.
        Done(ThreeNetworks.Run(_firewall.Networks.Gateway, "nft", "add", "table", "inet", "qwamos"));
        WaitFor(() => Reported("TOR_ISOLATION", "why")?.StartsWith("there is no counter ", StringComparison.Ordinal) == true, "it is looked at again", gateway);
        Assert.Equal("drifted", Reported("TOR_ISOLATION", "state"));
        Assert.DoesNotContain("chain", Listed(), StringComparison.Ordinal);
        gateway.WaitForLog("; left as it is, as gateway.json says");
        Assert.DoesNotContain("; corrected", gateway.Log, StringComparison.Ordinal);

        CommandResult set = Dom0.Client("set", "TOR_ISOLATION", "mandatory", "--wait");
        Assert.True(set.ExitCode == 0, set.Error);
        Assert.Equal(desired, Listed());
        WaitFor(() => Reported("TOR_ISOLATION", "state") == "in_force", "status says so", gateway);
    }

    /// <summary>Everything runs, the gateway is enrolled, and the policy is in force there by its own signed word.</summary>
    private RunningProgram Begin(string facts)
    {
        _firewall.Make();
        Dom0.Write("/etc/qwamos/gateway.json", facts);
        Dom0.Write("/etc/qwamos/domains.json", """{"domains":[{"name":"gateway","class":"gateway","link":"unix:/run/qwamos/gateway-bus.sock"}]}""");
        Dom0.StartDaemon();
        Dom0.StartCourier();
        RunningProgram gateway = _firewall.Start();
        Done(Dom0.Client("audit", "key", "--sign"));
        WaitFor(() => Row().TryGetProperty("key", out _), "it said its key", gateway);
        Done(Dom0.Client("domains", "enroll", "gateway", "--fingerprint", Command.Run([Binaries.Gateway, "--root", Dom0.Root, "fingerprint"]).Output.Trim()));
        Done(Dom0.Client(["set", .. Policy.SelectMany(set => (string[])[set.Key, set.Value]), "--wait"]));
        WaitFor(() => Reported("TOR_ISOLATION", "state") == "in_force", "status says so", gateway);
        return gateway;
    }

    private static void Done(CommandResult result) => Assert.True(result.ExitCode == 0, result.Error);

    private void Flush() => Done(ThreeNetworks.Run(_firewall.Networks.Gateway, "nft", "flush", "ruleset"));

    private string Listed() => ThreeNetworks.Run(_firewall.Networks.Gateway, "nft", "-s", "list", "ruleset").Output;

    private JsonElement Row() => Dom0.Status().GetProperty("gateways").GetProperty("gateway");

    /// <summary>A member of what status has of a key, as text; null where it has none.</summary>
    private string? Reported(string key, string member) =>
        Row().TryGetProperty("report", out JsonElement report) && report.GetProperty("keys").TryGetProperty(key, out JsonElement said) && said.TryGetProperty(member, out JsonElement value) ? value.ToString() : null;

    private void WaitFor(Func<bool> condition, string what, RunningProgram gateway) => Eventually.True(condition, what, () => $"{Dom0.Status()}\n{Listed()}\n{Dom0.Courier!.Log}\n{gateway.Log}");
}
