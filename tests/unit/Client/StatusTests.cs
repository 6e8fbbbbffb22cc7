using System.Text;
using Qwamos.ControlBus.Json;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

public sealed class StatusTests : IDisposable
{
    private const string Answer =
        """{"status":"ok","policy":{"RADIO_ISOLATION":"off","DURESS.enabled":"(hidden)"},"pending":{"KERNEL_HARDENING":"strict"},"defaults":{"TOR_ISOLATION":"optional"},"base":{"gateway":"00"},"size":3,"system":"0f","key_id":"93","gateways":{"gateway":{"taken":2,"behind":true,"last_error":"stale"}},"enforcement":{"DURESS.enabled":"no enforcer"},"projections":"No space left","boot":{"time":1,"results":{"KERNEL_HARDENING":"in force","CRYPTO_BACKEND":"failed: no"}}}""";

    private readonly ClientTrial trial = new();

    public void Dispose() => trial.Dispose();

    [Fact]
    public void Status_asks_unsigned_and_needs_no_key()
    {
        using FakeBus bus = new(trial.Socket, Answer);
        Assert.Equal(0, trial.Run("status"));
        Assert.Equal("""{"msg":{"command":"get_status"}}""", Assert.Single(bus.Received));
        Assert.False(trial.HasKey);
    }

    [Theory]
    [InlineData("there is no socket /run/g.sock; does gateway-policyd run there?", "error")]
    [InlineData("wrong_system: the message names another system", "refusal")]
    public void A_gateway_that_did_not_answer_has_refused_nothing(string error, string what)
    {
        using FakeBus bus = new(trial.Socket, Answer.Replace("\"stale\"", $"\"{error}\"", StringComparison.Ordinal));
        Assert.Equal(0, trial.Run("status"));
        Assert.Contains($"is behind; its last {what}: {error}\n", trial.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void It_says_what_the_policy_is_what_waits_and_what_is_wrong()
    {
        using FakeBus bus = new(trial.Socket, Answer);
        Assert.Equal(0, trial.Run("status"));
        Assert.Equal(
            """
            policy
              RADIO_ISOLATION   off  (gateway is behind)
              DURESS.enabled    (hidden)  (no enforcer)

            waits for a reboot
              KERNEL_HARDENING  strict

            never set, so at the default
              TOR_ISOLATION     optional

            domains
              gateway  has taken entry 2, is behind; its last refusal: stale

            at the last boot that applied something
              KERNEL_HARDENING  in force

            wrong
              status.json and pending.conf are not up to date: No space left
              the last boot could not apply CRYPTO_BACKEND: failed: no

            3 entries in the ledger
            system  0f
            key ID  93

            """,
            trial.Output);
    }

    private const string Reports =
        """{"status":"ok","policy":{"RADIO_ISOLATION":"off"},"gateways":{"gw1":{"taken":2,"report":{"heard":1795999700,"keys":{"RADIO_ISOLATION":{"desired":"off","observed":"off","state":"in_force","since":1795999700,"index":2,"drifted":1795999705},"TOR_ISOLATION":{"desired":"mandatory","observed":null,"state":"no_enforcer","since":null,"index":2,"why":"nothing \u001b[2Jhere acts on it"}}}},"gw2":{"taken":2,"report":{"heard":1795999700,"keys":{},"fault":"no operator has vouched for its key: qwamosctl domains enroll gw2"}},"gw3":{"taken":null},"gw4":{"report":{"heard":1796000000,"stale":true,"keys":{}}}}}""";

    [Fact]
    public void What_each_domain_says_is_a_table_and_one_that_is_not_believed_says_why()
    {
        using FakeBus bus = new(trial.Socket, Reports);
        trial.Clock = new HurryingClock();
        Assert.Equal(0, trial.Run("status"));
        var table = trial.Output[trial.Output.IndexOf("in force, as each domain says", StringComparison.Ordinal)..].Replace($" --root {trial.Root} --home {trial.Home} --socket {trial.Socket}", "", StringComparison.Ordinal);
        Assert.StartsWith(
            """
            in force, as each domain says
                key              desired    observed  state        since                 why not
              gw1, as it was 5 minutes ago
                RADIO_ISOLATION  off        off       in force     2026-11-30 00:48:20Z  somebody changed it at 2026-11-30 00:48:25Z
                TOR_ISOLATION    mandatory  -         no enforcer  -                     nothing \u{1B}[2Jhere acts on it
              gw2: not known: no operator has vouched for its key: qwamosctl domains enroll gw2
              gw3: not known: it has said nothing yet
              gw4, STALE: no checkpoint came there for 300 s
                no key is set there, and nothing acts on one

            """,
            table,
            StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', trial.Output);
    }

    [Fact]
    public void A_domain_that_is_believed_and_has_nothing_to_do_is_said_to()
    {
        using FakeBus bus = new(trial.Socket, """{"status":"ok","policy":{},"pending":{},"courier":"ok","gateways":{"gw1":{"class":"gateway","behind":false,"report":{"heard":1795999990,"keys":{}}}}}""");
        trial.Clock = new HurryingClock();
        Assert.Equal(0, trial.Run("status"));
        Assert.Contains("in force, as each domain says\n  gw1\n    no key is set there, and nothing acts on one\n", trial.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Who_follows_is_told_what_changed_and_nothing_twice(bool asJson)
    {
        var asked = 0;
        trial.Clock = new HurryingClock();
        using FakeBus bus = new(trial.Socket, _ => Encoding.UTF8.GetBytes((++asked < 4 ? Reports : Reports.Replace("\"off\"", asked < 6 ? "\"on\"" : "\"again\"", StringComparison.Ordinal)) + "\n"));
        // Nobody reads any more after the second change: that ends it.
        trial.IsOutputClosed = () => asked >= 6;
        trial.Run([.. asJson ? (string[])["-o", "json"] : [], "status", "--watch"]);
        var lines = trial.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (asJson)
            Assert.Equal(2, lines.Length);
        else
        {
            string[] starts =
            [
                "policy  RADIO_ISOLATION  off", "gw1  is reached", "gw1  RADIO_ISOLATION  off", "gw1  TOR_ISOLATION", "gw2  not known", "gw3  not known", "gw4  STALE", "policy  RADIO_ISOLATION  on", "gw1  RADIO_ISOLATION  on",
            ];
            Assert.Equal(starts.Length, lines.Length);
            Assert.All(lines.Zip(starts), pair => Assert.StartsWith(pair.Second, pair.First[11..], StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Who_follows_a_daemon_that_is_restarted_is_told_once_and_follows_on()
    {
        var asked = 0;
        trial.Clock = new HurryingClock();
        using FakeBus bus = new(trial.Socket, _ => ++asked is 2 or 3 ? [] : Encoding.UTF8.GetBytes($$$"""{"status":"ok","policy":{"RADIO_IDLE_TIMEOUT_MIN":{{{asked}}}},"pending":{}}""" + "\n"));
        trial.IsOutputClosed = () => asked >= 5;
        trial.Run("status", "--watch");
        Assert.Equal(["policy  RADIO_IDLE_TIMEOUT_MIN  1", "policy  RADIO_IDLE_TIMEOUT_MIN  4"], trial.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line[11..]));
        Assert.Single(trial.Error.Split('\n'), line => line.Contains("closed the connection without an answer; whether it took the request is unknown; asking on", StringComparison.Ordinal));
    }

    [Fact]
    public void Who_follows_is_told_of_a_lost_link_a_revocation_a_dead_courier_and_what_is_staged()
    {
        const string Row = """{"class":"gateway","behind":false,"report":{"heard":1795999700,"keys":{"RADIO_ISOLATION":{"desired":"off","observed":"off","state":"in_force","since":1795999700,"index":2}}}}""";
        string[] answers =
        [
            $$$"""{"status":"ok","policy":{},"pending":{},"courier":"ok","gateways":{"gw1":{{{Row}}} } }""",
            $$$"""{"status":"ok","policy":{},"pending":{"KERNEL_HARDENING":"strict"},"courier":"ok","gateways":{"gw1":{{{Row.Replace("\"behind\"", "\"last_error\":\"no socket\",\"behind\"", StringComparison.Ordinal)}}} } }""",
            """{"status":"ok","policy":{},"pending":{},"courier":"not running","gateways":{"gw1":{"class":"gateway","behind":false,"report":{"heard":1795999700,"keys":{},"fault":"its key is revoked"}}}}""",
            """{"status":"ok","policy":{},"pending":{},"courier":"ok","gateways":{}}""",
        ];
        var asked = 0;
        trial.Clock = new HurryingClock();
        using FakeBus bus = new(trial.Socket, _ => Encoding.UTF8.GetBytes(answers[Math.Min(asked++, answers.Length - 1)] + "\n"));
        // Nobody reads any more at the last change: that ends it.
        trial.IsOutputClosed = () => asked >= answers.Length;
        trial.Run("status", "--watch");
        Assert.Equal(
            ["courier  ok", "gw1  is reached, and has all", "gw1  RADIO_ISOLATION  off  off  in force  2026-11-30 00:48:20Z",
             "waits for a reboot  KERNEL_HARDENING  strict", "gw1  last error: no socket",
             "courier  not running", "gw1  not known: its key is revoked", "waits no more  KERNEL_HARDENING"],
            trial.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line[11..]));
    }

    [Fact]
    public void A_domain_that_lacks_a_change_is_shown_with_Dom0s_value_and_how_old_its_word_is()
    {
        using FakeBus bus = new(
            trial.Socket,
            """
            {"status":"ok","policy":{"RADIO_ISOLATION":"on","TOR_ISOLATION":"mandatory","CLIPBOARD_ISOLATION":"strict"},"courier":"ok","gateways":{
            "down":{"class":"gateway","behind":true,"last_error":"there is no socket","missed":{"TOR_ISOLATION":4},"report":{"heard":1795999995,"keys":{"RADIO_ISOLATION":{"desired":"off","observed":"off","state":"in_force","since":1795999700,"index":2}}}},
            "early":{"class":"ui","behind":false,"report":{"heard":1796086400,"keys":{}}},
            "swallows":{"class":"gateway","taken":5,"behind":true,"undelivered":false,"report":{"heard":1795999995,"lacks":{"TOR_ISOLATION":{"index":5,"value":"optional"},"VPN_KILL_SWITCH":{"index":6,"value":"on"}},"keys":{"TOR_ISOLATION":{"desired":"off","observed":"off","state":"in_force","since":1795999700,"index":2}}}},
            "never":{"class":"ui","last_error":"there is no socket"}}}
            """.ReplaceLineEndings(""));
        trial.Clock = new HurryingClock();
        Assert.Equal(0, trial.Run("status"));
        Assert.Contains(
            """
              down, as it was 5 seconds ago
                RADIO_ISOLATION  on         off       waiting  -      it has not taken the change yet
                TOR_ISOLATION    mandatory  -         waiting  -      it refused entry 4
              early, as it was when this clock stood 24 hours ahead
                no key is set there, and nothing acts on one
              swallows
                TOR_ISOLATION    optional   off       lacking  -      it is said to have taken entry 5, and its own report has something else
                VPN_KILL_SWITCH  on         -         lacking  -      it is said to have taken entry 6, and its own report has something else
              never: not known: there is no socket

            """,
            trial.Output,
            StringComparison.Ordinal);
        Assert.Contains("swallows  has taken entry 5, is behind, and its own report lacks TOR_ISOLATION of entry 5, VPN_KILL_SWITCH of entry 6\n", trial.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_revoked_key_set_stands_with_what_is_wrong_and_the_enrolled_key_is_called_so()
    {
        using FakeBus bus = new(
            trial.Socket, """{"status":"ok","policy":{"RADIO_ISOLATION":"off"},"policy_disowned":{"RADIO_ISOLATION":"signed by 93, which is revoked from entry 4 on"},"pending":{},"key_id":"93","trust":{"version":2,"expires":9999999999}}""");
        Assert.Equal(0, trial.Run("status"));
        Assert.Contains("RADIO_ISOLATION was signed by 93, which is revoked from entry 4 on, and nobody has set it since: look whether it is right, and set it yourself: qwamosctl --root ", trial.Output, StringComparison.Ordinal);
        Assert.Contains("enrolled key  93\n", trial.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("key ID", trial.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("RADIO_ISOLATION", """ "gateways":{} """, "off  (no gateway configured)")]
    [InlineData("RADIO_ISOLATION", """ "gateways":{"a":{"behind":false},"b":{"behind":true},"c":{"behind":true}} """, "off  (b, c are behind)")]
    [InlineData("RADIO_ISOLATION", """ "gateways":{"a":{"behind":true,"class":"other"}} """, "off  (no gateway configured)")]
    [InlineData("KERNEL_HARDENING", """ "gateways":{},"boot":{"time":1,"results":{"KERNEL_HARDENING":"in force after one more reboot"}} """, "off  (after one more reboot)")]
    [InlineData("KERNEL_HARDENING", """ "gateways":{},"boot":{"time":1,"results":{"KERNEL_HARDENING":"in force"}} """, "off")]
    public void A_key_says_what_stands_between_it_and_being_in_force(string key, string more, string shown)
    {
        using FakeBus bus = new(trial.Socket, $$$"""{"status":"ok","policy":{"{{{key}}}":"off"},"pending":{},{{{more.Trim()}}}}""");
        Assert.Equal(0, trial.Run("status"));
        Assert.Contains($"  {key}  {shown}\n", trial.Output);
    }

    [Fact]
    public void A_daemon_of_the_old_design_is_asked_again_signed()
    {
        Assert.Equal(0, trial.Run("key", "show"));
        using FakeBus bus = new(trial.Socket, request => Encoding.UTF8.GetBytes(request.Contains("\"signature\"", StringComparison.Ordinal)
            ? """{"status": "ok", "policy": {"RADIO_ISOLATION": "off"}, "pending": {}}"""
            : """{"status": "error", "reason": "missing signature"}"""));
        Assert.Equal(0, trial.Run("status"));
        Assert.Contains("RADIO_ISOLATION  off", trial.Output);
        Assert.True(trial.IsSignedByOperator(bus.Received[1]));
    }

    [Fact]
    public void Reveal_is_signed_and_without_a_key_a_key_problem()
    {
        using FakeBus bus = new(trial.Socket, Answer);
        Assert.Equal(4, trial.Run("status", "--reveal"));
        Assert.Empty(bus.Received);
        Assert.Equal(0, trial.Run("key", "show"));
        Assert.Single(bus.Received);
        Assert.Equal(0, trial.Run("status", "--reveal"));
        var request = Assert.Single(bus.Received);
        Assert.Contains("\"args\":{\"reveal\":true}", request);
        Assert.True(trial.IsSignedByOperator(request));
    }

    [Fact]
    public void A_refusal_with_a_code_is_not_asked_again()
    {
        using FakeBus bus = new(trial.Socket, """{"status":"error","reason":"too many","code":"busy"}""");
        Assert.Equal(1, trial.Run("status"));
        Assert.Single(bus.Received);
    }

    [Theory]
    [InlineData("""{"status":"ok"}""")]
    [InlineData("""{"status":"ok","policy":null,"pending":{}}""")]
    [InlineData("""{"status":"ok","policy":["RADIO_ISOLATION"]}""")]
    public void An_ok_without_a_policy_is_no_status(string answer)
    {
        using FakeBus bus = new(trial.Socket, answer);
        Assert.Equal(1, trial.Run("status"));
        Assert.Contains("says ok without policy", trial.Error);
        Assert.Equal("", trial.Output);
        Assert.Equal(1, trial.Run("status", "-o", "json"));
        Assert.Contains("\"status\":\"error\"", trial.Output.Replace(" ", "", StringComparison.Ordinal));
    }

    [Fact]
    public void An_empty_policy_is_one_and_what_was_left_out_of_a_long_answer_is_named()
    {
        using FakeBus bus = new(trial.Socket, """{"status":"ok","policy":{},"left_out":["gateways","boot"]}""");
        Assert.Equal(0, trial.Run("status"));
        Assert.Contains("nothing has been set", trial.Output);
        Assert.Contains("the answer was too long, and this is left out of it: gateways, boot", trial.Output);
    }

    [Theory]
    [InlineData("""{"status":"ok","policy":{},"gateways":{"a":{"taken":1},"b":{}},"more_gateways":"b","boot":null}""")]
    [InlineData("""{"status":"ok","policy":{},"left_out":["gateways","boot"]}""")]
    public void Gateways_that_one_answer_does_not_hold_are_asked_for_and_shown_as_if_it_did(string first)
    {
        using FakeBus bus = new(trial.Socket, request => Encoding.UTF8.GetBytes((
            !request.Contains("gateways_after", StringComparison.Ordinal) ? first
            : request.Contains("\"\"", StringComparison.Ordinal) ? """{"status":"ok","gateways":{"a":{"taken":1},"b":{}},"more_gateways":"b"}"""
            : request.Contains("\"b\"", StringComparison.Ordinal) ? """{"status":"ok","gateways":{"c":{},"d":{}},"more_gateways":"d"}"""
            : """{"status":"ok","gateways":{"e":{"taken":5}}}""") + "\n"));
        Assert.Equal(0, trial.Run("status", "-o", "json"));
        Assert.True(trial.Json.TryGet("gateways", out var gateways));
        Assert.Equal(["a", "b", "c", "d", "e"], gateways.Members.Select(member => member.Key));
        Assert.False(trial.Json.TryGet("more_gateways", out _));
        Assert.Equal(first.Contains("left_out", StringComparison.Ordinal), trial.Json.TryGet("left_out", out var rest) && rest.Items is [var boot] && boot.Equals(JsonValue.Of("boot")));
    }

    [Theory]
    [InlineData("b")]
    [InlineData("a")]
    [InlineData("")]
    public void Attack24_a_daemon_whose_gateways_never_end_is_not_asked_for_ever(string next)
    {
        using FakeBus bus = new(trial.Socket, $$"""{"status":"ok","policy":{},"more_gateways":"{{next}}","gateways":{"b":{ } } }""");
        Assert.Equal(1, trial.Run("status"));
        Assert.Contains("does not end", trial.Error);
        Assert.InRange(bus.Received.Count, 2, 3);
    }

    [Theory]
    [InlineData("text")]
    [InlineData("json")]
    public void Attack21_nothing_the_daemon_says_reaches_the_terminal_raw(string form)
    {
        const string Evil = @"x\u001b[2J\u009b1m\u202e\u0007\u007f\u2028\ud83d\ude00";
        using FakeBus bus = new(trial.Socket, $$$"""{"status":"ok","policy":{"{{{Evil}}}":"{{{Evil}}}"},"pending":{"K":["{{{Evil}}}"]},"gateways":{"{{{Evil}}}":{"last_error":"{{{Evil}}}"}},"projections":"{{{Evil}}}","boot":{"results":{"a{{{Evil}}}":"{{{Evil}}}","{{{Evil}}}":"failed: {{{Evil}}}"} } }""");
        Assert.Equal(0, trial.Run("status", "-o", form));
        Assert.DoesNotContain(trial.Output, IsDangerous);
        Assert.Contains("\ud83d\ude00", trial.Output);
    }

    [Fact]
    public void Attack21_nor_what_it_says_in_a_refusal()
    {
        const string Evil = @"x\u001b[2J\u009b1m\u202e\u0007\u007f\nqwamosctl: done";
        using FakeBus bus = new(trial.Socket, $$$"""{"status":"error","reason":"{{{Evil}}}","code":"{{{Evil}}}","faults":[{"key":"{{{Evil}}}","reason":"{{{Evil}}}"}]}""");
        Assert.Equal(1, trial.Run("set", "RADIO_ISOLATION", "off"));
        Assert.DoesNotContain(trial.Error, IsDangerous);
        Assert.DoesNotContain("\nqwamosctl: done", trial.Error);
    }

    [Fact]
    public void Staged_change_that_the_boot_will_refuse_is_marked_and_stands_with_what_is_wrong()
    {
        using FakeBus bus = new(trial.Socket, """{"status":"ok","policy":{},"pending":{"KERNEL_HARDENING":"strict","CRYPTO_BACKEND":"hybrid"},"pending_refused":{"KERNEL_HARDENING":"signed by 93, which is not enrolled any more"}}""");
        Assert.Equal(0, trial.Run("status"));
        Assert.Contains("  KERNEL_HARDENING  strict  (the boot will refuse it)\n  CRYPTO_BACKEND    hybrid\n", trial.Output);
        Assert.Contains("\nwrong\n  the boot will refuse KERNEL_HARDENING: signed by 93, which is not enrolled any more; set it again\n", trial.Output);
    }

    [Fact]
    public void Colour_is_only_for_terminals()
    {
        using FakeBus bus = new(trial.Socket, Answer);
        Assert.Equal(0, trial.Run("status"));
        Assert.DoesNotContain('\u001b', trial.Output);
        trial.Colour = true;
        Assert.Equal(0, trial.Run("status"));
        Assert.Contains('\u001b', trial.Output);
    }

    private static bool IsDangerous(char c) => (char.IsControl(c) && c != '\n') || c is '\u202e' or '\u2028';
}
