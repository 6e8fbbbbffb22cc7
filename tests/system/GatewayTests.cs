using System.Text.Json;
using System.Text.Json.Nodes;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>The published gateway with hooks of every kind. Its schema has keys that the usual one has not: free text, a secret, an event.</summary>
public sealed class GatewayTests : IDisposable
{
    private const UnixFileMode Executable = (UnixFileMode)0b111_101_101;

    private const string Schema = """
        {"$schema":"http://json-schema.org/draft-07/schema#","type":"object","additionalProperties":false,"properties":{
          "RADIO_ISOLATION":{"description":"Radio.","type":"string","enum":["on","off"],"default":"on",
            "x-qwamos":{"apply":"runtime","class":"gateway","event":false,"confidential":false,"irreversible":false}},
          "NOTE":{"description":"Free text.","type":"string","maxLength":64,"default":"",
            "x-qwamos":{"apply":"runtime","class":"gateway","event":false,"confidential":false,"irreversible":false}},
          "SECRET":{"description":"Never shown.","type":"string","maxLength":64,"default":"none",
            "x-qwamos":{"apply":"runtime","class":"gateway","event":false,"confidential":true,"irreversible":false}},
          "ALARM":{"description":"Rings once.","type":"string","enum":["disarmed","armed","fire"],"default":"disarmed",
            "x-qwamos":{"apply":"runtime","class":"gateway","event":true,"confidential":false,"irreversible":true}},
          "STARTUP":{"description":"From the next start on.","type":"string","enum":["plain","hard"],"default":"plain",
            "x-qwamos":{"apply":"reboot","class":"all","event":false,"confidential":false,"irreversible":false}}}}
        """;

    private readonly Trial _trial = new();

    public GatewayTests() => _trial.Write("/etc/qwamos/policy.schema.json", Schema);

    private string Seen => _trial.At("/seen");

    public void Dispose() => _trial.Dispose();

    [Theory]
    [InlineData("$(touch touched)")]
    [InlineData("; touch touched #")]
    [InlineData("`touch touched`")]
    [InlineData("-rf / --")]
    [InlineData("a=b' \" \\ * ? ~ | & < >")]
    public void Attack21_ValueWithShellCharacters_ReachesTheHookAsOneArgumentAndAsJson(string value)
    {
        Hook("NOTE", $"printf '%s\\n%s\\n%s\\n' \"$#\" \"$1\" \"$2\" >{Seen}.new; cat >>{Seen}.new; mv {Seen}.new {Seen}");
        _trial.StartGateway();
        Assert.Equal("ok", Set("NOTE", value).Code());
        Eventually.True(() => File.Exists(Seen), "the hook runs", Status);
        string[] lines = File.ReadAllLines(Seen);
        Assert.Equal(["2", "NOTE", value], lines[..3]);
        using JsonDocument input = JsonDocument.Parse(lines[3]);
        Assert.Equal(value, input.RootElement.GetProperty("value").GetString());
        Assert.Equal("gateway", input.RootElement.GetProperty("class").GetString());
        Assert.Equal(0, input.RootElement.GetProperty("index").GetInt64());
        Assert.Empty(Directory.GetFiles(_trial.Root, "touched", SearchOption.AllDirectories));
        Assert.False(File.Exists("/touched"));
    }

    [Fact]
    public void Attack21_ControlCharacters_AreRefused_AndNeverReachTheLogRaw()
    {
        RunningProgram gateway = _trial.StartGateway();
        Assert.Equal("invalid_policy", Set("NOTE", "a\nforged line").Code());
        Assert.Equal("invalid_policy", Set("NOTE", "\u001b[2J").Code());
        Assert.Equal("invalid_policy", Set("NOTE", "x\0y").Code());
        Assert.DoesNotContain('\u001b', gateway.Log);
        Assert.DoesNotContain("\nforged line", gateway.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack27_HookThatOthersCouldHaveWritten_IsNotRun_AndStatusSaysHowToMendIt()
    {
        Hook("NOTE", $"touch {Seen}");
        File.SetUnixFileMode(_trial.At("/etc/qwamos/hooks.d/NOTE"), Executable | UnixFileMode.GroupWrite);
        File.CreateSymbolicLink(_trial.At("/etc/qwamos/hooks.d/RADIO_ISOLATION"), _trial.At("/etc/qwamos/hooks.d/NOTE"));
        _trial.StartGateway();
        Assert.Equal("ok", Set("NOTE", "x").Code());
        Assert.Equal("ok", Set("RADIO_ISOLATION", "off").Code());
        Eventually.True(() => Enforcement("NOTE").Contains("writable by others", StringComparison.Ordinal), "the mode is seen", Status);
        Assert.Contains("chmod", Enforcement("NOTE"), StringComparison.Ordinal);
        Eventually.True(() => Enforcement("RADIO_ISOLATION").Contains("symbolic link", StringComparison.Ordinal), "the link is seen", Status);
        Assert.False(File.Exists(Seen));
    }

    [Fact]
    public void Attack32_HookThatHangs_DelaysNoAnswer_AndIsReported()
    {
        Hook("NOTE", $"touch {Seen}; sleep 1000");
        _trial.StartGateway();
        Assert.Equal("ok", Set("NOTE", "x").Code());
        Eventually.True(() => File.Exists(Seen), "the hook runs");
        Assert.Equal("ok", Set("RADIO_ISOLATION", "off").Code());
        Assert.Equal("waiting", Enforcement("RADIO_ISOLATION"));
        Eventually.True(() => Enforcement("NOTE") == "failed: still running after 10 s, killed", "the hook is killed", Status);
        Eventually.True(() => Enforcement("RADIO_ISOLATION") == "no enforcer", "the next one has its turn", Status);
    }

    [Fact]
    public void Attack40_ConfidentialValue_AndPrivateKey_AppearNowhere()
    {
        const string Value = "correct-horse-battery-staple";
        Hook("SECRET", "echo \"got $2\"; exit 1");
        RunningProgram gateway = _trial.StartGateway();
        Assert.Equal("ok", Set("SECRET", Value).Code());
        Eventually.True(() => Enforcement("SECRET") == "failed: exit code 1", "the hook fails", Status);
        Assert.Equal("(hidden)", Ask().Policy("SECRET"));
        string file = _trial.At("/var/lib/qwamos-gateway/status.json");
        Eventually.True(() => File.Exists(file) && File.ReadAllText(file).Contains("exit code 1", StringComparison.Ordinal), "status.json is written");
        Assert.Equal(0, gateway.Stop());

        string seen = gateway.Log + File.ReadAllText(file) + Run("status").Error;
        Assert.DoesNotContain(Value, seen, StringComparison.Ordinal);
        byte[] seed = File.ReadAllBytes(Path.Combine(_trial.Home, "ed25519_sk"));
        Assert.DoesNotContain(Convert.ToBase64String(seed), seen, StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToHexString(seed), seen, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void SignedRequestToReveal_ShowsTheConfidentialValue()
    {
        _trial.StartGateway();
        Assert.Equal("ok", Set("SECRET", "x").Code());
        JsonObject reveal = TestSigner.Draft("""{"reveal":true}""");
        reveal["command"] = "get_status";
        Assert.Equal("x", _trial.Ask(_trial.Signer.Request(reveal), _trial.GatewaySocket).Policy("SECRET"));
        Assert.Equal("bad_signature", _trial.Ask("""{"msg":{"command":"get_status","args":{"reveal":true}}}"""u8, _trial.GatewaySocket).Code());
    }

    [Fact]
    public void Attack40_BaseOfAClassWithAConfidentialValue_IsShownOnlyToWhoSigns()
    {
        _trial.StartGateway();
        Assert.True(Ask().GetProperty("base").TryGetProperty("gateway", out _));
        Assert.Equal("ok", Set("SECRET", "x").Code());
        Assert.False(Ask().GetProperty("base").TryGetProperty("gateway", out _));
        JsonObject signed = TestSigner.Draft("""{"base":true}""");
        signed["command"] = "get_status";
        Assert.True(_trial.Ask(_trial.Signer.Request(signed), _trial.GatewaySocket).GetProperty("base").TryGetProperty("gateway", out _));
        Assert.Equal("""{"status":"ok","base":{}}""", _trial.Ask("""{"msg":{"command":"get_status","args":{"base":true}}}"""u8, _trial.GatewaySocket).GetRawText());
    }

    [Fact]
    public void Event_RunsItsHookOnce_AndNeverAgainAfterAKill()
    {
        Hook("ALARM", $"echo \"$2\" >>{Seen}");
        RunningProgram gateway = _trial.StartGateway();
        Assert.Equal("invalid_policy", Set("ALARM", "fire").Code());
        Assert.Equal("ok", Set("ALARM", "armed").Code());
        Assert.Equal("ok", Set("ALARM", "fire").Code());
        Eventually.True(() => File.Exists(Seen) && File.ReadAllLines(Seen).Contains("fire"), "the event happens", Status);
        Assert.Equal("disarmed", Ask().Policy("ALARM"));
        Eventually.True(() => Enforcement("ALARM") == "done", "its outcome is known", Status);
        gateway.Kill9();
        _trial.StartGateway();
        Eventually.True(() => File.ReadAllLines(Seen).LastOrDefault() == "disarmed", "the start enforces the state", Status);
        Assert.Single(File.ReadAllLines(Seen), "fire");
    }

    [Fact]
    public void UnderATrustRootThatHasExpired_WhatIsArmedFires_AndNothingElseIsTaken()
    {
        Hook("ALARM", $"echo \"$2\" >>{Seen}");
        _trial.StartGateway();
        TestSigner anna = TestSigner.Fresh(), ben = TestSigner.Fresh();
        Roots roots = Roots.Of(_trial);
        Assert.Equal("ok", Set("ALARM", "armed").Code());
        JsonObject ended = roots.Draft(1, ("anna", anna), ("ben", ben));
        ended["created"] = TestSigner.Now - 100;
        ended["expires"] = TestSigner.Now - 50;
        ended["roles"]!["operator"] = Roots.Operator(2, "anna", "ben");
        Assert.Equal("ok", _trial.Ask(Roots.Request(ended, _trial.Signer, anna), _trial.GatewaySocket).Code());
        Assert.Equal("not_authorised", By("RADIO_ISOLATION", "off", anna, ben));
        Assert.Equal("not_authorised", By("ALARM", "disarmed", anna, ben));
        Assert.Equal("not_authorised", By("ALARM", "fire", anna));
        Assert.Equal("ok", By("ALARM", "fire", anna, ben));
        Eventually.True(() => File.Exists(Seen) && File.ReadAllLines(Seen).Contains("fire"), "the event happens", Status);
        Assert.Equal("invalid_policy", By("ALARM", "fire", anna, ben));

        string By(string key, string value, params TestSigner[] signers)
        {
            JsonObject message = TestSigner.Draft($"{{\"{key}\":\"{value}\"}}");
            message["system"] = roots.System;
            return _trial.Ask(TestSigner.RequestBy(message, signers), _trial.GatewaySocket).Code();
        }
    }

    [Fact]
    public void StagedKey_WhoseHookFails_StaysPending_UntilAStartWhereItSucceeds()
    {
        Hook("STARTUP", "exit 1");
        RunningProgram gateway = _trial.StartGateway();
        Assert.Equal("ok", Set("STARTUP", "hard").Code());
        Assert.Equal(0, gateway.Stop());
        gateway = _trial.StartGateway();
        Assert.Equal("hard", Ask().Pending("STARTUP"));
        Assert.Equal("failed: exit code 1", Enforcement("STARTUP"));
        Assert.Equal(0, gateway.Stop());
        Hook("STARTUP", $"echo \"$2\" >>{Seen}");
        _trial.StartGateway();
        Assert.Equal("hard", Ask().Policy("STARTUP"));
        Assert.Null(Ask().Pending("STARTUP"));
        Assert.Equal("hard", Assert.Single(File.ReadAllLines(Seen)));
        // The change, two starts with their results.
        Assert.Equal(3, Ask().GetProperty("size").GetInt64());
    }

    [Fact]
    public void SigTermDuringAStagedHook_EndsTheGatewayAtOnce_AndTheKeyStaysStaged()
    {
        RunningProgram gateway = _trial.StartGateway();
        Assert.Equal("ok", Set("STARTUP", "hard").Code());
        Assert.Equal(0, gateway.Stop());
        Hook("STARTUP", $"touch {Seen}; sleep 1000");
        gateway = _trial.StartGateway(waitReady: false);
        Eventually.True(() => File.Exists(Seen), "the hook runs");
        Assert.Equal(0, gateway.Stop());
        Assert.DoesNotContain("ready", gateway.Log, StringComparison.Ordinal);
        Assert.False(File.Exists(_trial.At("/var/lib/qwamos-gateway/accepted.db-wal")));
        File.Delete(_trial.At("/etc/qwamos/hooks.d/STARTUP"));
        _trial.StartGateway();
        Assert.Equal("hard", Ask().Policy("STARTUP"));
        Assert.Equal(2, Ask().GetProperty("size").GetInt64());
    }

    [Fact]
    public void State_IsEnforcedAgainAtEachStart()
    {
        Hook("RADIO_ISOLATION", $"echo \"$2\" >>{Seen}");
        RunningProgram gateway = _trial.StartGateway();
        Assert.Equal("ok", Set("RADIO_ISOLATION", "off").Code());
        Eventually.True(() => File.Exists(Seen), "the hook runs", Status);
        gateway.Kill9();
        _trial.StartGateway();
        Eventually.True(() => File.ReadAllLines(Seen).Length == 2, "the hook runs again", Status);
    }

    [Fact]
    public void SecondGateway_IsRefused_AndSigTermEndsTheFirstThoughAHookHangs()
    {
        Hook("NOTE", $"touch {Seen}; sleep 1000");
        RunningProgram gateway = _trial.StartGateway();
        CommandResult second = Run("run");
        Assert.Equal(1, second.ExitCode);
        Assert.Contains("another daemon serves", second.Error, StringComparison.Ordinal);
        Assert.Equal("ok", Set("NOTE", "x").Code());
        Eventually.True(() => File.Exists(Seen), "the hook runs");
        Assert.Equal(0, gateway.Stop());
        Assert.False(File.Exists(_trial.At("/var/lib/qwamos-gateway/accepted.db-wal")));
    }

    [Fact]
    public void StatusCommand_ShowsTextAndJson_AndSaysWhenNobodyAnswers()
    {
        Assert.Equal(3, Run("status").ExitCode);
        _trial.StartGateway();
        Set("RADIO_ISOLATION", "off");
        Assert.Contains("RADIO_ISOLATION  off", Run("status").Output, StringComparison.Ordinal);
        using JsonDocument json = JsonDocument.Parse(Run("status", "-o", "json").Output);
        Assert.Equal("off", json.RootElement.Policy("RADIO_ISOLATION"));
        Assert.Equal(2, Run("status", "-o", "xml").ExitCode);
    }

    [Fact]
    public void RootsCommands_AreRecorded_AndNeedTheDaemonStopped()
    {
        RunningProgram gateway = _trial.StartGateway();
        Assert.Equal("ok", Set("RADIO_ISOLATION", "off").Code());
        string floor = $"{TestSigner.Now - 100}";
        Assert.Contains("stop it first", Run("set-time-floor", floor).Error, StringComparison.Ordinal);
        string other = _trial.At("/other.pub");
        TestSigner next = TestSigner.Fresh();
        File.WriteAllBytes(other, next.PublicKey);
        Assert.Equal(1, Run("enroll", other, "--fingerprint", next.KeyId, "--replace").ExitCode);
        Assert.Equal(0, gateway.Stop());

        Assert.Equal(0, Run("set-time-floor", floor).ExitCode);
        CommandResult enrolled = Run("enroll", other, "--fingerprint", next.KeyId, "--replace");
        Assert.True(enrolled.ExitCode == 0, enrolled.Error);
        _trial.StartGateway();
        Assert.Equal(floor, Ask().GetProperty("floor").ToString());
        Assert.Equal(3, Ask().GetProperty("size").GetInt64());
        Assert.Equal("bad_signature", Set("RADIO_ISOLATION", "on").Code());
        Assert.Equal("ok", _trial.Ask(next.SetPolicy("""{"RADIO_ISOLATION":"on"}"""), _trial.GatewaySocket).Code());
    }

    [Fact]
    public void JsonLog_IsOneObjectALine_WithTimeLevelAndMessage()
    {
        using RunningProgram gateway = RunningProgram.Start([Binaries.Gateway, "--root", _trial.Root, "--log-format", "json"]);
        gateway.WaitReady();
        Assert.Equal(0, gateway.Stop());
        foreach (string line in gateway.Log.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using JsonDocument json = JsonDocument.Parse(line);
            Assert.EndsWith("Z", json.RootElement.GetProperty("time").GetString(), StringComparison.Ordinal);
            Assert.Equal("info", json.RootElement.GetProperty("level").GetString());
            Assert.NotEqual("", json.RootElement.GetProperty("message").GetString());
        }
    }

    private void Hook(string key, string script) => _trial.Write($"/etc/qwamos/hooks.d/{key}", "#!/bin/sh\n" + script + "\n", Executable);

    private JsonElement Set(string key, string value)
    {
        var args = new JsonObject { [key] = value };
        return _trial.Ask(_trial.Signer.Request(TestSigner.Draft(args.ToJsonString())), _trial.GatewaySocket);
    }

    private JsonElement Ask() => _trial.Ask("""{"msg":{"command":"get_status"}}"""u8, _trial.GatewaySocket);

    private string Status() => Ask().ToString();

    private string Enforcement(string key) => Ask().GetProperty("enforcement").TryGetProperty(key, out JsonElement value) ? value.GetString()! : "";

    private CommandResult Run(params string[] arguments) => Command.Run([Binaries.Gateway, "--root", _trial.Root, .. arguments]);
}
