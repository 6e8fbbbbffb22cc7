using Qwamos.Client.Checking;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

public sealed class DoctorTests : IDisposable
{
    private const string SystemName = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";

    private readonly ClientTrial trial = new();
    private readonly CheckpointSigner signer = new(SigningKey.Generate(), Checkpoint.OriginOf(SystemName));

    public void Dispose()
    {
        signer.Dispose();
        trial.Dispose();
    }

    [Fact]
    public void A_sound_daemon_is_healthy_and_needs_no_key()
    {
        using FakeBus bus = new(trial.Socket, Status());
        Assert.Equal(0, trial.Run("health"));
        Assert.Equal("healthy\n", trial.Output);
        Assert.Equal("""{"msg":{"command":"get_status"}}""", Assert.Single(bus.Received));
        Assert.False(trial.HasKey);
    }

    [Theory]
    [InlineData("\"storage\":\"ok\"", "\"storage\":\"full\"", "storage the disk of the ledger is full")]
    [InlineData("\"projections\":\"ok\"", "\"projections\":\"No space left\"", "not up to date: No space left")]
    [InlineData("\"size\":3", "\"size\":3,\"clock_behind_floor\":{\"clock\":1,\"floor\":2}", "clock the daemon's clock is behind")]
    [InlineData("\"in force\"", "\"failed: no room\"", "could not apply KERNEL_HARDENING: failed: no room")]
    [InlineData("\"state\":\"cosigns\"", "\"state\":\"alarm\",\"fault\":\"two histories\"", "refuses this ledger: two histories")]
    [InlineData("\"checkpoint\":\"", "\"checkpoint\":\"x", "checkpoint is not to be believed")]
    public void What_is_wrong_with_the_daemon_is_not_healthy_and_is_named(string sound, string wrong, string said)
    {
        using FakeBus bus = new(trial.Socket, Status().Replace(sound, wrong, StringComparison.Ordinal));
        Assert.Equal(1, trial.Run("health"));
        Assert.StartsWith("not healthy; ", trial.Output, StringComparison.Ordinal);
        Assert.Contains(said, trial.Output, StringComparison.Ordinal);
        Assert.Equal(1, trial.Run("health", "-o", "json"));
        Assert.Equal("error", Member(trial.Json, "status").AsString);
    }

    [Theory]
    [InlineData("qwamos-policy-apply.service")]
    [InlineData("qwamos-boot-complete.service")]
    public void What_runs_once_a_boot_is_never_to_be_started_by_hand(string unit)
    {
        // As after an installation, before the first reboot.
        var found = UnitChecks.Judge(unit, new() { ["LoadState"] = "loaded", ["UnitFileState"] = "enabled", ["ActiveState"] = "inactive" });
        Assert.Equal((CheckState.NotSeen, (string?)null), (found.State, found.Mend));
        Assert.Equal($"sudo systemctl enable {unit}", UnitChecks.Judge(unit, new() { ["LoadState"] = "loaded", ["UnitFileState"] = "disabled", ["ActiveState"] = "inactive" }).Mend);
    }

    [Fact]
    public void A_frozen_ledger_is_not_healthy()
    {
        using FakeBus bus = new(trial.Socket, Status(ageSeconds: 301));
        Assert.Equal(1, trial.Run("health"));
        Assert.Contains("the ledger is frozen, or a clock is wrong", trial.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_gateway_behind_is_told_and_no_reason_to_restart_the_daemon()
    {
        using FakeBus bus = new(trial.Socket, Status().Replace("\"behind\":false", "\"behind\":true,\"last_error\":\"stale\"", StringComparison.Ordinal));
        Assert.Equal(0, trial.Run("health"));
        Assert.Equal("healthy; gateway gateway is behind: stale\n", trial.Output);
    }

    [Fact]
    public void Nobody_there_and_a_refusal_have_their_exit_status()
    {
        Assert.Equal(3, trial.Run("health"));
        using FakeBus bus = new(trial.Socket, """{"status":"error","reason":"no","code":"busy"}""");
        Assert.Equal(1, trial.Run("health"));
        Assert.Contains("refuses to show its status", trial.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_doctor_finds_what_is_missing_and_says_how_to_mend_it_and_changes_nothing()
    {
        Assert.Equal(1, trial.Run("doctor", "-o", "json"));
        var found = Member(trial.Json, "findings").Items.ToDictionary(item => Member(item, "area").AsString);
        Assert.All((string[])["key home", "enrolled key", "system ID", "configuration", "state", "daemon"], area => Assert.Equal("bad", Member(found[area], "state").AsString));
        Assert.Equal("unseen", Member(found["units"], "state").AsString);
        Assert.All(found.Values.Where(item => Member(item, "state").AsString == "bad"), item => Assert.True(
            item.TryGet("mend", out _) || Member(item, "what").AsString.Contains('`', StringComparison.Ordinal) || Member(item, "what").AsString.Contains(": ", StringComparison.Ordinal)));
        Assert.Empty(Directory.GetFileSystemEntries(trial.Root));
    }

    [Fact]
    public void The_doctor_says_when_another_key_is_enrolled()
    {
        Assert.Equal(0, trial.Run("key", "show"));
        using var other = SigningKey.Generate();
        trial.Enrol(other.Public);
        Assert.Equal(1, trial.Run("doctor"));
        Assert.Contains($"is {other.Public.Id}, not yours: what you sign is refused", trial.Output, StringComparison.Ordinal);
        // The same words as key show has for it.
        Assert.Equal(0, trial.Run("key", "show"));
        var advice = trial.Output.TrimEnd().Split('\n')[^1];
        Assert.StartsWith("Use the key home of the enrolled key, with --home DIR. ", advice, StringComparison.Ordinal);
        trial.Run("doctor");
        Assert.Contains($"-> {advice}\n", trial.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_link_that_leads_elsewhere_is_found(bool isGood)
    {
        trial.IsOf(SystemName);
        File.CreateSymbolicLink(Path.Combine(trial.Root, "etc/qwamos/status.json"), isGood ? "../../var/lib/qwamos/status.json" : "/etc/shadow");
        trial.Run("doctor", "-o", "json");
        var link = Member(trial.Json, "findings").Items.Single(item => Member(item, "area").AsString == "status link");
        Assert.Equal(isGood ? "good" : "bad", Member(link, "state").AsString);
    }

    [Fact]
    public void The_checklist_walks_four_phases_and_never_says_good_of_what_it_did_not_see()
    {
        using (FakeBus bus = new(trial.Socket, Status()))
        {
            trial.Run("doctor", "--checklist", "-o", "json");
            Assert.Equal(["status", "development", "integration", "production", "hardening"], trial.Json.Members.Select(member => member.Key));
            Assert.Equal("good", Item("integration", "the daemon answers"));
            Assert.Equal("unseen", Item("production", "a backup was restored on another machine"));
            Assert.Equal("look", Item("production", "the ledger's key is signed"));
            Assert.Equal("good", Item("hardening", "KERNEL_HARDENING is strict or paranoid"));
        }
        trial.Run("doctor", "--checklist", "-o", "json");
        Assert.Equal("bad", Item("integration", "the daemon answers"));
        Assert.Equal("unseen", Item("hardening", "KERNEL_HARDENING is strict or paranoid"));
        trial.Run("doctor", "--checklist");
        Assert.Contains("\nhardening\n", trial.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", 0, "healthy\n")]
    [InlineData("\"courier\":\"ok\"=\"courier\":\"not running: qwamosd courier\"", 1, "not healthy; courier nothing is delivered, and what domains say may be old; it is not running: qwamosd courier; in force in gw was in force when it was heard last\n")]
    [InlineData("\"state\":\"in_force\"=\"state\":\"failed\",\"why\":\"no radio\"", 1, "not healthy; in force in gw RADIO_ISOLATION failed: no radio\n")]
    [InlineData("\"state\":\"in_force\"=\"state\":\"drifted\"", 1, "not healthy; in force in gw RADIO_ISOLATION drifted\n")]
    [InlineData("\"state\":\"in_force\"=\"state\":\"no_enforcer\"", 0, "healthy; in force in gw RADIO_ISOLATION no enforcer\n")]
    [InlineData("\"heard\":HEARD=\"heard\":1", 0, "healthy; in force in gw was in force when it was heard last\n")]
    [InlineData("\"heard\":HEARD=\"heard\":9007199254740991", 0, "healthy; in force in gw was in force when it was heard last\n")]
    [InlineData("\"stale\":false=\"stale\":true", 1, "not healthy; in force in gw it has seen no checkpoint for long: what it has may be old\n")]
    [InlineData("\"keys\":{=\"fault\":\"its key is revoked\",\"keys\":{", 0, "healthy; in force in gw not known: its key is revoked\n")]
    [InlineData("\"keys\":{=\"lacks\":{\"TOR_ISOLATION\":{\"index\":4,\"value\":\"off\"}},\"keys\":{", 1, "not healthy; in force in gw it is said to have taken what its own report does not have: TOR_ISOLATION of entry 4\n")]
    [InlineData("\"keys\":{=\"lacks_root\":{\"index\":4,\"version\":2},\"keys\":{", 1, "not healthy; in force in gw it is said to have taken what its own report does not have: trust root 2 of entry 4\n")]
    [InlineData("\"keys\":{=\"fault\":\"its report cannot be read\",\"lacks\":{\"TOR_ISOLATION\":{\"index\":4,\"value\":\"off\"}},\"keys\":{", 1, "not healthy; in force in gw it is said to have taken what its own report does not have: TOR_ISOLATION of entry 4\n")]
    [InlineData("\"class\":\"gateway\"=\"class\":\"ui\"", 0, "healthy; enforcement nothing acts on RADIO_ISOLATION: no domain of class gateway is named in domains.json\n")]
    public void What_is_not_in_force_is_said_by_health_and_by_doctor(string change, int exit, string said)
    {
        const string Sound = """
            "policy":{"RADIO_ISOLATION":"off"},"courier":"ok","gateways":{"gw":{"class":"gateway","taken":2,"behind":false,"witness":{"state":"cosigns"},"report":{"heard":HEARD,"stale":false,"keys":{"RADIO_ISOLATION":{"desired":"off","observed":"off","state":"in_force","since":1,"index":2}}}}}
            """;
        var changed = change.Split('=') is [var from, var to] ? Sound.Replace(from, to, StringComparison.Ordinal) : Sound;
        Assert.True(change.Length == 0 || changed != Sound);
        using FakeBus bus = new(trial.Socket, Status().Replace("\"policy\":{\"KERNEL_HARDENING\":\"strict\"}", changed.Trim().Replace("HEARD", DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal), StringComparison.Ordinal).Replace("\"gateways\":{\"gateway\"", "\"older\":{\"gateway\"", StringComparison.Ordinal));
        Assert.Equal(exit, trial.Run("health"));
        Assert.Equal(said, trial.Output);
        trial.Run("doctor", "--checklist", "-o", "json");
        Assert.Equal(exit == 1 ? "bad" : said == "healthy\n" ? "good" : "look", Item("integration", "what is policy is in force there"));
    }

    [Theory]
    [InlineData("it is gw2 of class gateway: mend its gateway.json, or domains.json here", "ok", null)]
    [InlineData("there is no socket /s; does gateway-policyd run there?", "ok", "see whether its VM and its link are up; in it: gateway-policyd --root ROOT status")]
    [InlineData("there is no socket /s; does gateway-policyd run there?", "not running: qwamosd courier", null)]
    [InlineData("stale: it was signed too long ago", "ok", "in it: gateway-policyd --root ROOT status")]
    public void What_mends_a_domain_is_of_the_cause_that_is_named(string error, string courier, string? mend)
    {
        using FakeBus bus = new(trial.Socket, Status().Replace("\"behind\":false", $"\"behind\":true,\"last_error\":\"{error}\"", StringComparison.Ordinal).Replace("\"size\":3", $"\"size\":3,\"courier\":\"{courier}\"", StringComparison.Ordinal));
        trial.Run("doctor", "-o", "json");
        foreach (var area in (string[])["gateway gateway", "in force in gateway"])
        {
            var found = Member(trial.Json, "findings").Items.Single(item => Member(item, "area").AsString == area);
            Assert.Equal(mend?.Replace("ROOT", trial.Root, StringComparison.Ordinal), found.TryGet("mend", out var how) ? how.AsString : null);
        }
    }

    [Theory]
    [InlineData("2", "had taken all that concerned it while the courier ran")]
    [InlineData("null", "has taken nothing so far")]
    public void What_the_courier_said_last_is_no_good_news_once_it_is_dead(string taken, string said)
    {
        using FakeBus bus = new(trial.Socket, Status().Replace("\"taken\":2", $"\"taken\":{taken}", StringComparison.Ordinal).Replace("\"size\":3", "\"size\":3,\"courier\":\"not running: qwamosd courier\"", StringComparison.Ordinal));
        trial.Run("doctor", "-o", "json");
        JsonValue found = Member(trial.Json, "findings").Items.Single(item => Member(item, "area").AsString == "gateway gateway");
        Assert.Equal(("unseen", said), (Member(found, "state").AsString, Member(found, "what").AsString));
    }

    [Theory]
    [InlineData("")]
    [InlineData("--checklist")]
    public void Each_command_that_the_doctor_proposes_has_the_places_of_this_run_once(string option)
    {
        using FakeBus bus = new(trial.Socket, Status().Replace("\"size\":3", "\"size\":3,\"policy_disowned\":{\"TOR_ISOLATION\":\"set by bert\"}", StringComparison.Ordinal).Replace("\"in force\"", "\"in force\",\"put_back\":{\"A\":\"put back\"}", StringComparison.Ordinal));
        trial.Run([.. (string[])["doctor"], .. option.Length > 0 ? [option] : Array.Empty<string>()]);
        Assert.Contains("qwamosctl --root", trial.Output, StringComparison.Ordinal);
        Assert.DoesNotMatch("qwamosctl (?!--root)", trial.Output);
        Assert.DoesNotMatch("--root [^ ]+ (--home [^ ]+ )?(--socket [^ ]+ )?--root", trial.Output);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Domains_that_were_changed_since_the_daemon_read_them_are_found(bool isSame)
    {
        Assert.True(SystemPaths.TryCreate(trial.Root, out var paths, out _));
        Assert.True(DaemonConfig.TryLoad(paths, PolicySchema.BuiltIn, out var config, out _));
        using FakeBus bus = new(trial.Socket, Status().Replace("\"size\":3", $"\"size\":3,\"configuration\":\"{(isSame ? config.Hash : new string('0', 64))}\"", StringComparison.Ordinal));
        trial.Run("doctor", "-o", "json");
        var found = Member(trial.Json, "findings").Items.Single(item => Member(item, "area").AsString == "daemon's domains");
        Assert.Equal(isSame ? "good" : "bad", Member(found, "state").AsString);
        if (!isSame)
            Assert.EndsWith($"the same with qwamosd --root {trial.Root} courier", Member(found, "mend").AsString, StringComparison.Ordinal);
    }

    private string Item(string phase, string item) =>
        Member(Member(trial.Json, phase).Items.Single(each => Member(each, "area").AsString == item), "state").AsString;

    private static JsonValue Member(JsonValue value, string name) => value.TryGet(name, out var member) ? member : throw new InvalidOperationException(name);

    /// <summary>What a daemon says with which nothing is wrong.</summary>
    private string Status(int ageSeconds = 1)
    {
        var time = DateTimeOffset.UtcNow.ToUnixTimeSeconds() - ageSeconds;
        var note = signer.Sign(new Checkpoint(Checkpoint.OriginOf(SystemName), 3, new byte[32]), time).ToString();
        return """
            {"status":"ok","policy":{"KERNEL_HARDENING":"strict"},"pending":{},"size":3,"storage":"ok","projections":"ok","checkpoint":NOTE,"key":KEY,
            "gateways":{"gateway":{"taken":2,"behind":false,"witness":{"state":"cosigns"}}},"boot":{"time":1,"results":{"KERNEL_HARDENING":"in force"}}}
            """.Replace("\n", "", StringComparison.Ordinal)
            .Replace("NOTE", JsonValue.Of(note).ToString(), StringComparison.Ordinal)
            .Replace("KEY,", JsonValue.Of(signer.Key.ToString()) + ",", StringComparison.Ordinal);
    }
}
