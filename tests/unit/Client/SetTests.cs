using System.Text;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

public sealed class SetTests : IDisposable
{
    private const string Taken = """{"status":"ok","result":{"runtime_applied":["RADIO_IDLE_TIMEOUT_MIN"],"reboot_staged":["KERNEL_HARDENING"],"unstaged":[]},"index":7}""";
    private readonly ClientTrial trial = new();

    public void Dispose() => trial.Dispose();

    [Fact]
    public void A_number_and_a_boolean_are_sent_as_the_schema_types_them_and_signed()
    {
        using FakeBus bus = new(trial.Socket, Taken);
        Assert.Equal(0, trial.Run("set", "RADIO_IDLE_TIMEOUT_MIN", "5"));
        Assert.Equal(0, trial.Run("set", "DURESS.enabled", "true"));
        var sent = bus.Received;
        Assert.Contains("\"args\":{\"RADIO_IDLE_TIMEOUT_MIN\":5}", sent[0]);
        Assert.Contains("\"args\":{\"DURESS.enabled\":true}", sent[1]);
        Assert.All(sent, request => Assert.True(trial.IsSignedByOperator(request)));
        Assert.Equal(2, sent.Select(request => Member(request, "nonce").AsString).Distinct().Count());
    }

    [Fact]
    public void The_outcome_says_what_applied_and_what_waits()
    {
        using FakeBus bus = new(trial.Socket, Taken);
        Assert.Equal(0, trial.Run("set", "RADIO_IDLE_TIMEOUT_MIN", "5", "KERNEL_HARDENING", "strict", "BOOT_VERIFICATION", "warn"));
        Assert.Equal(
            """
            applied now         RADIO_IDLE_TIMEOUT_MIN = 5
            waits for a reboot  KERNEL_HARDENING = strict
            already so          BOOT_VERIFICATION = warn
            recorded as entry 7

            """,
            trial.Output);
    }

    [Fact]
    public void A_mistyped_key_home_gets_no_key_where_one_is_enrolled()
    {
        using FakeBus bus = new(trial.Socket, Taken);
        using SigningKey other = SigningKey.Generate();
        trial.Enrol(other.Public);
        Assert.Equal(4, trial.Run("set", "RADIO_IDLE_TIMEOUT_MIN", "5"));
        Assert.Contains($"there is no folder {trial.Home}", trial.Error, StringComparison.Ordinal);
        Assert.Contains($"qwamosctl --root {trial.Root} --home {trial.Home} --socket {trial.Socket} key show", trial.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(trial.Home));
        Assert.Empty(bus.Received);
        Assert.Equal(0, trial.Run("key", "show"));
        Assert.Equal(0, trial.Run("set", "RADIO_IDLE_TIMEOUT_MIN", "5"));
    }

    [Fact]
    public void Waiting_ends_when_it_is_in_force_everywhere_and_else_says_where_not()
    {
        const string Settled = """{"status":"ok","index":7,"concerned":3,"in_force":3,"failed":0,"not_enrolled":0,"settled":true,"lacking":[]}""";
        const string Lacking = """{"status":"ok","index":7,"concerned":20,"in_force":17,"failed":1,"not_enrolled":1,"settled":false,"lacking":[{"name":"gw1","state":"failed","why":"no \u001b[2J radio"},{"name":"gw2","state":"not_enrolled","why":"nobody vouched"}]}""";
        trial.Clock = new HurryingClock();
        var answer = Settled;
        using FakeBus bus = new(trial.Socket, request => Encoding.UTF8.GetBytes((request.Contains("get_in_force", StringComparison.Ordinal) ? answer : Taken) + "\n"));
        Assert.Equal(0, trial.Run("set", "RADIO_IDLE_TIMEOUT_MIN", "5", "--wait"));
        Assert.Contains("in force in 3 domains", trial.Output, StringComparison.Ordinal);
        Assert.Contains(bus.Received, request => request.Contains("\"args\":{\"index\":7,\"wait\":30}", StringComparison.Ordinal));
        answer = Lacking;
        Assert.Equal(1, trial.Run("set", "RADIO_IDLE_TIMEOUT_MIN", "5", "--wait", "--timeout", "2s"));
        Assert.Contains("the change stands, and is in force in 17 of 20 domains after 2 s", trial.Error, StringComparison.Ordinal);
        Assert.Contains("gw1: failed: no ", trial.Error, StringComparison.Ordinal);
        Assert.Contains("gw2: nobody vouched: qwamosctl", trial.Error, StringComparison.Ordinal);
        Assert.Contains("and 1 more", trial.Error, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', trial.Error);
        Assert.Equal(1, trial.Run("-o", "json", "set", "RADIO_IDLE_TIMEOUT_MIN", "5", "--wait", "--timeout", "2"));
        Assert.True(trial.Json.TryGet("in_force", out var inForce) && inForce.TryGet("concerned", out _));
        answer = """{"status":"error","code":"unknown_command","reason":"not known here"}""";
        Assert.Equal(1, trial.Run("set", "RADIO_IDLE_TIMEOUT_MIN", "5", "--wait"));
        Assert.Contains("the change stands, as entry 7; whether it is in force cannot be asked", trial.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Waiting_for_what_concerns_no_domain_fails_and_says_why()
    {
        const string Nowhere = """{"status":"ok","index":7,"concerned":0,"in_force":0,"failed":0,"not_enrolled":0,"settled":true,"lacking":[]}""";
        const string Partly = """{"status":"ok","index":7,"concerned":1,"in_force":1,"failed":0,"not_enrolled":0,"settled":true,"unserved":["KERNEL_HARDENING"],"lacking":[]}""";
        const string Staged = """{"status":"ok","index":7,"concerned":1,"in_force":0,"failed":0,"not_enrolled":0,"settled":true,"lacking":[{"name":"gw","state":"staged","why":"it waits for the next start there"}]}""";
        trial.Clock = new HurryingClock();
        var answer = Nowhere;
        using FakeBus bus = new(trial.Socket, request => Encoding.UTF8.GetBytes((request.Contains("get_in_force", StringComparison.Ordinal) ? answer : Taken) + "\n"));
        Assert.Equal(1, trial.Run("set", "RADIO_IDLE_TIMEOUT_MIN", "5", "KERNEL_HARDENING", "strict", "--wait"));
        Assert.Contains("the change stands, and concerns no domain", trial.Error, StringComparison.Ordinal);
        Assert.Contains("RADIO_IDLE_TIMEOUT_MIN: no domain of class gateway is named in domains.json", trial.Error, StringComparison.Ordinal);
        Assert.Contains("KERNEL_HARDENING: waits for a reboot", trial.Error, StringComparison.Ordinal);
        Assert.Contains("and restart qwamosd: ", trial.Error, StringComparison.Ordinal);
        Assert.Equal(1, trial.Run("set", "KERNEL_HARDENING", "strict", "--wait"));
        Assert.Contains("KERNEL_HARDENING: waits for a reboot", trial.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("domains.json", trial.Error, StringComparison.Ordinal);
        answer = Partly;
        Assert.Equal(1, trial.Run("set", "RADIO_IDLE_TIMEOUT_MIN", "5", "KERNEL_HARDENING", "strict", "--wait"));
        Assert.Contains("is in force in 1 of 1 domain", trial.Error, StringComparison.Ordinal);
        Assert.Contains("KERNEL_HARDENING: waits for a reboot", trial.Error, StringComparison.Ordinal);
        answer = Staged;
        Assert.Equal(1, trial.Run("set", "RADIO_IDLE_TIMEOUT_MIN", "5", "--wait"));
        Assert.Contains("gw: staged: it waits for the next start there", trial.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("after 30 s", trial.Error, StringComparison.Ordinal);
        Assert.Equal(1, trial.Run("set", "RADIO_IDLE_TIMEOUT_MIN", "5", "KERNEL_HARDENING", "strict", "--wait"));
        Assert.Contains("gw: staged: it waits for the next start there: KERNEL_HARDENING waits; RADIO_IDLE_TIMEOUT_MIN does not, see the status", trial.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Waiting_for_who_is_not_believed_proposes_what_helps()
    {
        const string Lacking = """{"status":"ok","index":7,"concerned":3,"in_force":0,"failed":0,"not_enrolled":3,"settled":true,"lacking":[{"name":"far","state":"not_enrolled","why":"no"},{"name":"heard","state":"not_enrolled","why":"no"},{"name":"mute","state":"not_enrolled","why":"no"}]}""";
        var heard = new string('5', 64);
        var domains = $$"""
            {"status":"ok","domains":[{"name":"far","class":"gateway","over_tls":true,"link":"no","key":null,"enrolled":false},{"name":"heard","class":"gateway","link":"ok","key":"{{heard}}","enrolled":false},{"name":"mute","class":"gateway","link":"there is no socket","key":null,"enrolled":false}]}
            """.Trim();
        using FakeBus bus = new(trial.Socket, request => Encoding.UTF8.GetBytes((request.Contains("get_in_force", StringComparison.Ordinal) ? Lacking : request.Contains("get_domains", StringComparison.Ordinal) ? domains : Taken) + "\n"));
        Assert.Equal(1, trial.Run("set", "RADIO_IDLE_TIMEOUT_MIN", "5", "--wait"));
        Assert.Contains("far: no: qwamosctl domains enroll far --key BASE64 --tls-key HEX", trial.PlainError, StringComparison.Ordinal);
        Assert.Contains("heard: no: qwamosctl domains enroll heard\n", trial.PlainError, StringComparison.Ordinal);
        Assert.Contains("mute: no, and it was not heard yet: there is no socket", trial.PlainError, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--timeout", "5s")]
    [InlineData("--wait", "--timeout", "0")]
    [InlineData("--wait", "--timeout", "2h")]
    [InlineData("--wait", "--timeout", "soon")]
    [InlineData("--wait", "--dry-run")]
    [InlineData("--wait", "--out", "change.json")]
    public void Waiting_for_what_cannot_be_is_refused_and_nothing_sent(params string[] options)
    {
        using FakeBus bus = new(trial.Socket, Taken);
        Assert.Equal(2, trial.Run(["set", "RADIO_IDLE_TIMEOUT_MIN", "5", .. options]));
        Assert.Empty(bus.Received);
    }

    [Fact]
    public void A_key_that_nothing_acts_on_yet_is_said_to_be_recorded()
    {
        using FakeBus bus = new(trial.Socket, """{"status":"ok","result":{"runtime_applied":["CLIPBOARD_ISOLATION","RADIO_ISOLATION"],"reboot_staged":[]},"index":7}""");
        Assert.Equal(0, trial.Run("set", "CLIPBOARD_ISOLATION", "strict", "RADIO_ISOLATION", "off"));
        Assert.Equal(
            """
            recorded; no enforcer here yet  CLIPBOARD_ISOLATION = strict
            applied now                     RADIO_ISOLATION = off
            recorded as entry 7

            """,
            trial.Output);
        Directory.CreateDirectory(Path.Combine(trial.Root, "etc/qwamos"));
        trial.Write("etc/qwamos/domains.json", """{"domains":[{"name":"ui","class":"ui","link":"unix:/run/ui.sock"}]}""");
        Assert.Equal(0, trial.Run("set", "CLIPBOARD_ISOLATION", "strict", "RADIO_ISOLATION", "off"));
        Assert.StartsWith("applied now         CLIPBOARD_ISOLATION = strict\n", trial.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_daemon_has_no_domain_for_is_said_to_be_recorded_whatever_its_class()
    {
        using FakeBus bus = new(trial.Socket, """{"status":"ok","result":{"runtime_applied":["CLIPBOARD_ISOLATION","RADIO_ISOLATION"],"reboot_staged":[]},"unserved":["RADIO_ISOLATION"],"index":7}""");
        Assert.Equal(0, trial.Run("set", "CLIPBOARD_ISOLATION", "strict", "RADIO_ISOLATION", "off"));
        Assert.Equal(
            """
            applied now                     CLIPBOARD_ISOLATION = strict
            recorded; no enforcer here yet  RADIO_ISOLATION = off
            recorded as entry 7

            """,
            trial.Output);
    }

    [Fact]
    public void A_refused_fire_is_told_to_arm_first()
    {
        using FakeBus bus = new(trial.Socket, """{"status":"error","reason":"not valid","code":"invalid_policy","faults":[]}""");
        Assert.Equal(1, trial.Run("set", "GHOST.trigger", "fire"));
        Assert.Contains("fire is taken only while armed: set GHOST.trigger armed first", trial.Error);
    }

    [Fact]
    public void The_first_use_makes_a_key_and_says_how_to_enrol_it()
    {
        using FakeBus bus = new(trial.Socket, Taken);
        Assert.Equal(0, trial.Run("set", "RADIO_ISOLATION", "off"));
        Assert.Contains("qwamosd --root " + trial.Root + " enroll " + trial.Home + "/ed25519_pk --fingerprint ", trial.Error);
        Assert.Equal(0, trial.Run("set", "RADIO_ISOLATION", "off"));
        Assert.Equal("", trial.Error);
    }

    [Fact]
    public void Json_output_is_the_daemons_answer()
    {
        using FakeBus bus = new(trial.Socket, Taken);
        Assert.Equal(0, trial.Run("set", "RADIO_IDLE_TIMEOUT_MIN", "5", "-o", "json"));
        Assert.Equal(Taken + "\n", trial.Output);
    }

    [Fact]
    public void A_gateways_message_is_shown_where_there_is_no_result()
    {
        using FakeBus bus = new(trial.Socket, """{"status":"ok","message":"policy applied: 1 keys"}""");
        Assert.Equal(0, trial.Run("set", "RADIO_ISOLATION", "off"));
        Assert.Contains("policy applied: 1 keys", trial.Output);
    }

    [Theory]
    [InlineData("""{"status":"ok"}""")]
    [InlineData("""{"status":"ok","result":"taken"}""")]
    public void An_ok_without_a_result_is_not_believed(string answer)
    {
        using FakeBus bus = new(trial.Socket, answer);
        Assert.Equal(1, trial.Run("set", "RADIO_ISOLATION", "off"));
        Assert.Contains("says ok without result", trial.Error);
        Assert.DoesNotContain("taken", trial.Output);
    }

    [Fact]
    public void A_key_that_is_enrolled_and_not_believed_yet_is_told_to_restart_the_daemon()
    {
        Assert.Equal(0, trial.Run("key", "show"));
        Assert.True(new KeyHome(trial.Home).TryLoadPublic(out var key, out _));
        trial.Enrol(key);
        var old = new string('b', 64);
        using FakeBus bus = new(trial.Socket, request => Encoding.UTF8.GetBytes(
            (request.Contains("get_status", StringComparison.Ordinal)
                ? $$"""{"status":"ok","policy":{},"key_id":"{{old}}"}"""
                : """{"status":"error","reason":"the signature does not hold under an active key","code":"bad_signature"}""") + "\n"));
        Assert.Equal(1, trial.Run("set", "RADIO_ISOLATION", "off"));
        Assert.Contains($"Your key is enrolled, and the running daemon believes another one still, {old}: restart it", trial.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_terms_of_a_change_stand_in_the_message()
    {
        using FakeBus bus = new(trial.Socket, Taken);
        var hash = new string('a', 64);
        Assert.Equal(0, trial.Run(
            "set", "RADIO_ISOLATION", "off", "--reason", "é why", "--audience", "gw1,gw2", "--audience", "gw3", "--expires", "60", "--base", "gateway=" + hash, "--mode", "staged"));
        var request = Assert.Single(bus.Received);
        Assert.Equal("é why", Member(request, "reason").AsString);
        Assert.Equal(["gw1", "gw2", "gw3"], Member(request, "audience").Items.Select(item => item.AsString));
        Assert.Equal("staged", Member(request, "mode").AsString);
        Assert.Equal(hash, Member(request, "base").Members[0].Value.AsString);
        Assert.True(Member(request, "timestamp").TryGetInteger(out var timestamp) && Member(request, "expires").TryGetInteger(out var expires) && expires == timestamp + 60);
    }

    [Fact]
    public void The_system_is_named_where_it_has_an_id()
    {
        Directory.CreateDirectory(Path.Combine(trial.Root, "etc/qwamos"));
        trial.Write("etc/qwamos/system.id", new string('0', 31) + "1\n");
        using FakeBus bus = new(trial.Socket, Taken);
        Assert.Equal(0, trial.Run("set", "RADIO_ISOLATION", "off"));
        Assert.Equal(new string('0', 31) + "1", Member(Assert.Single(bus.Received), "system").AsString);
    }

    [Theory]
    [InlineData("--home")]
    [InlineData("--socket")]
    [InlineData("--root")]
    public void An_empty_path_is_a_usage_error(string option)
    {
        Assert.Equal(2, trial.RunBare(["set", "RADIO_ISOLATION", "off", option, ""]));
        Assert.Contains($"{option} needs", trial.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("did you mean RADIO_ISOLATION?", "RADIO_ISOLATON", "off")]
    [InlineData("did you mean mandatory?", "TOR_ISOLATION", "mandatary")]
    [InlineData("RADIO_IDLE_TIMEOUT_MIN must be integer 0-999", "RADIO_IDLE_TIMEOUT_MIN", "1000")]
    [InlineData("RADIO_IDLE_TIMEOUT_MIN must be", "RADIO_IDLE_TIMEOUT_MIN", "5.0")]
    [InlineData("KERNEL_HARDENING has no value", "RADIO_ISOLATION", "off", "KERNEL_HARDENING")]
    [InlineData("qwamosctl set RADIO_ISOLATION off", "RADIO_ISOLATION=off")]
    [InlineData("given twice", "RADIO_ISOLATION", "off", "RADIO_ISOLATION", "on")]
    [InlineData("did you mean --dry-run?", "RADIO_ISOLATION", "off", "--dryrun")]
    [InlineData("confidential to dom0", "RADIO_ISOLATION", "off", "DURESS.enabled", "true")]
    [InlineData("fire goes alone in its message and is never staged", "GHOST.trigger", "fire", "--mode", "staged")]
    [InlineData("fire goes alone in its message and is never staged", "GHOST.trigger", "fire", "DURESS.enabled", "true")]
    [InlineData("--expires takes 1 to 300", "RADIO_ISOLATION", "off", "--expires", "301")]
    [InlineData("--mode takes auto or staged", "RADIO_ISOLATION", "off", "--mode", "try")]
    [InlineData("--base takes CLASS=HASH", "RADIO_ISOLATION", "off", "--base", "gateway")]
    [InlineData("the hash has 64 hex digits", "RADIO_ISOLATION", "off", "--base", "gateway=1234")]
    [InlineData("control character", "RADIO_ISOLATION", "off", "--reason", "a\nb")]
    public void A_usage_error_exits_2_says_what_is_meant_and_sends_nothing(string said, params string[] words)
    {
        using FakeBus bus = new(trial.Socket, Taken);
        Assert.Equal(2, trial.Run(["set", .. words]));
        Assert.Contains(said, trial.PlainError);
        Assert.Equal("", trial.Output);
        Assert.Empty(bus.Received);
        Assert.False(trial.HasKey);
    }

    [Fact]
    public void A_refusal_exits_1_with_its_code_faults_and_mend()
    {
        using FakeBus bus = new(trial.Socket, """{"status":"error","reason":"not valid","code":"invalid_policy","faults":[{"key":"RADIO_ISOLATION","reason":"is not to be off on Mondays"}]}""");
        Assert.Equal(1, trial.Run("set", "RADIO_ISOLATION", "off"));
        Assert.Equal("", trial.Output);
        Assert.Contains("refused (invalid_policy): not valid.", trial.Error);
        Assert.Contains("RADIO_ISOLATION: is not to be off on Mondays", trial.Error);
        Assert.Contains("Correct every key that faults names.", trial.Error);
    }

    [Fact]
    public void A_refusal_without_a_code_is_one_of_the_old_design()
    {
        using FakeBus bus = new(trial.Socket, """{"status":"error","reason":"bad sig"}""");
        Assert.Equal(1, trial.Run("set", "RADIO_ISOLATION", "off"));
        Assert.Contains("refused: bad sig.", trial.Error);
    }

    [Fact]
    public void Attack40_a_confidential_value_is_not_echoed()
    {
        using FakeBus bus = new(trial.Socket, """{"status":"ok","result":{"runtime_applied":["DURESS.gesture"],"reboot_staged":[]}}""");
        Assert.Equal(0, trial.Run("set", "DURESS.gesture", "triple-power"));
        Assert.DoesNotContain("triple-power", trial.Output + trial.Error);
        Assert.Contains("(hidden)", trial.Output);
    }

    private static JsonValue Member(string request, string name) =>
        ClientTrial.Parse(request).TryGet("msg", out var message) && message.TryGet(name, out var value) ? value : throw new InvalidOperationException($"no {name} in {request}");
}
