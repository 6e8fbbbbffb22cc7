using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>Trust roots as operators use them: client, daemon and gateway for real.</summary>
public sealed class OperatorTrustTests : IDisposable
{
    private const string OneGateway = """{"gateways":[{"name":"gateway","class":"gateway","socket":"/run/qwamos/gateway-bus.sock"}]}""";
    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void TwoOfThree_SignWhatIsDangerous_AndOneAloneDoesNot()
    {
        _trial.StartDaemon();
        string root = File("root.json"), change = File("change.json");
        Assert.Equal(0, Do(_trial.Home, "trust", "init", "--holder", "anna", "--add", Person("bert"), "--add", Person("carl"), "--out", root, "--yes").ExitCode);
        Assert.Equal(1, Do(_trial.Home, "send", root).ExitCode);
        Assert.Equal(0, Do(HomeOf("bert"), "sign", root, "--yes").ExitCode);
        Assert.Equal(0, Do(_trial.Home, "send", root).ExitCode);
        Assert.Equal(1, _trial.Status().GetProperty("trust").GetProperty("version").GetInt64());

        CommandResult alone = Do(_trial.Home, "set", "GHOST.trigger", "armed");
        Assert.Equal(1, alone.ExitCode);
        Assert.Contains("1 more of bert, carl must", alone.Error, StringComparison.Ordinal);
        Assert.Equal(1, Do(HomeOf("carl"), "can", "GHOST.trigger", "armed").ExitCode);
        Assert.Equal(0, Do(HomeOf("carl"), "can", "RADIO_ISOLATION", "off").ExitCode);

        Assert.Equal(0, Do(_trial.Home, "set", "GHOST.trigger", "armed", "--out", change).ExitCode);
        Assert.Equal(0, Do(HomeOf("carl"), "sign", change, "--yes").ExitCode);
        Assert.Equal(1, Do(HomeOf("carl"), "send", change).ExitCode);
        Assert.Equal(0, Do(_trial.Home, "sign", change, "--yes").ExitCode);
        CommandResult sent = Do(HomeOf("bert"), "send", change);
        Assert.True(sent.ExitCode == 0, sent.Error);
        Assert.Equal(1, Do(HomeOf("bert"), "send", change).ExitCode);
        Assert.Equal("armed", JsonDocument.Parse(Do(_trial.Home, "status", "--reveal", "-o", "json").Output).RootElement.GetProperty("policy").GetProperty("GHOST.trigger").GetString());
        CommandResult doctor = Do(HomeOf("bert"), "doctor");
        Assert.Contains("your key is bert's in version 1", doctor.Output, StringComparison.Ordinal);
        Assert.Contains("follows from the enrolled key", doctor.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Key_IsReplaced_AtTheDaemonAndTheGateway_ThoughTheClientIsKilledOnTheWay()
    {
        _trial.Write("/etc/qwamos/qwamosd.json", OneGateway);
        RunningProgram daemon = _trial.StartDaemon();
        _trial.StartGateway();
        Assert.Equal(0, Do(_trial.Home, "trust", "init", "--holder", "anna", "--yes").ExitCode);
        string old = KeyId();
        byte[] oldKey = System.IO.File.ReadAllBytes(Path.Combine(_trial.Home, "ed25519_sk"));
        var random = new Random(20261130);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        string state = Path.Combine(_trial.Home, "rotation.json");
        // It ends in the wait for the old key's last message, which is five minutes after the switch.
        while (!IsSwitched(state))
        {
            Assert.True(watch.Elapsed < TimeSpan.FromMinutes(2), "the home is not switched");
            using RunningProgram rotate = RunningProgram.Start([Binaries.Client, "--root", _trial.Root, "--home", _trial.Home, "trust", "rotate", "--yes"]);
            Thread.Sleep(random.Next(1, 400));
            rotate.Signal(RunningProgram.SigKill);
            CommandResult meanwhile = Do(_trial.Home, "set", "RADIO_IDLE_TIMEOUT_MIN", random.Next(1, 99).ToString(CultureInfo.InvariantCulture));
            Assert.True(meanwhile.ExitCode == 0 || meanwhile.Error.Contains("does not belong to the private key beside it", StringComparison.Ordinal), meanwhile.Error);
        }
        Assert.Equal(2, _trial.Status().GetProperty("trust").GetProperty("version").GetInt64());
        JsonElement late = _trial.Ask(TestSigner.FromSeed(oldKey).Request(ForThisSystem("""{"RADIO_ISOLATION":"off"}""")));
        Assert.Equal("ok", late.GetProperty("status").GetString());

        // Those minutes have passed.
        JsonObject noted = JsonNode.Parse(System.IO.File.ReadAllText(state))!.AsObject();
        noted["switched"] = (long)noted["switched"]! - 400;
        System.IO.File.WriteAllText(state, noted.ToJsonString());
        CommandResult done = Do(_trial.Home, "trust", "rotate", "--yes");
        Assert.True(done.ExitCode == 0, done.Error);
        Assert.NotEqual(old, KeyId());
        Assert.False(System.IO.File.Exists(state));
        Assert.False(Directory.Exists(Path.Combine(_trial.Home, "next")));
        Assert.True(System.IO.File.Exists(Path.Combine(_trial.Home, "old", old, "ed25519_pk")));
        Assert.Equal(3, _trial.Status().GetProperty("gateways").GetProperty("gateway").GetProperty("trust_version").GetInt64());
        JsonElement refused = _trial.Ask(TestSigner.FromSeed(oldKey).Request(ForThisSystem("""{"RADIO_ISOLATION":"off"}""")));
        Assert.Equal("bad_signature", refused.Code());
        Assert.Equal(0, Do(_trial.Home, "set", "TOR_ISOLATION", "off").ExitCode);
        Eventually.True(() => !_trial.Status().GetProperty("gateways").GetProperty("gateway").GetProperty("behind").GetBoolean(), "the gateway has what the new key signed");

        Assert.Equal(0, daemon.Stop());
        _trial.StartDaemon();
        Assert.Equal(0, Do(_trial.Home, "set", "RADIO_ISOLATION", "on").ExitCode);
        CommandResult due = Do(_trial.Home, "trust", "rotate", "--every", "90d", "--yes");
        Assert.Equal(0, due.ExitCode);
        Assert.Contains("not due", due.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void StolenKey_IsRevokedFromATimeOn_AndWhatItSetIsSetBack()
    {
        _trial.StartDaemon();
        Assert.Equal(0, Do(_trial.Home, "trust", "init", "--holder", "anna", "--yes").ExitCode);
        Assert.Equal(0, Do(_trial.Home, "trust", "add", Person("bert"), "--yes").ExitCode);
        Assert.Equal(0, Do(_trial.Home, "set", "RADIO_ISOLATION", "on", "TOR_ISOLATION", "mandatory").ExitCode);
        Assert.Equal(0, Do(HomeOf("bert"), "set", "VPN_KILL_SWITCH", "on").ExitCode);
        Thread.Sleep(1_100);
        long stolen = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        Assert.Equal(0, Do(HomeOf("bert"), "set", "RADIO_ISOLATION", "off").ExitCode);
        Assert.Equal(0, Do(HomeOf("bert"), "set", "TOR_ISOLATION", "off").ExitCode);
        Assert.Equal(0, Do(_trial.Home, "set", "TOR_ISOLATION", "optional").ExitCode);
        string from = stolen.ToString(CultureInfo.InvariantCulture);

        CommandResult revoke = Do(_trial.Home, "trust", "revoke", "bert", "--from", from, "--restore", "--yes");
        Assert.True(revoke.ExitCode == 0, revoke.Error);
        Assert.Contains("RADIO_ISOLATION = off, entry 4; before: on\n", revoke.Output, StringComparison.Ordinal);
        Assert.Contains("TOR_ISOLATION = off, entry 5; before: mandatory; set again since by another key, which stands\n", revoke.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("VPN_KILL_SWITCH", revoke.Output, StringComparison.Ordinal);
        Assert.Contains("is REVOKED from entry 4 on", revoke.Output, StringComparison.Ordinal);
        Assert.Equal("on", _trial.Status().Policy("RADIO_ISOLATION"));
        Assert.Equal("optional", _trial.Status().Policy("TOR_ISOLATION"));
        CommandResult thief = Do(HomeOf("bert"), "set", "RADIO_ISOLATION", "off");
        Assert.Equal(1, thief.ExitCode);
        Assert.Equal(1, Do(_trial.Home, "trust", "revoke", "anna", "--from", from, "--yes").ExitCode);
    }

    [Fact]
    public void WhereOthersMustSign_ARevocationLiesBesideWhatHasTheValuesBack()
    {
        _trial.StartDaemon();
        string root = File("root.json"), revocation = File("revocation.json"), restore = File("restore.json");
        Assert.Equal(0, Do(_trial.Home, "trust", "init", "--holder", "anna", "--add", Person("bert"), "--add", Person("carl"), "--out", root, "--yes").ExitCode);
        Assert.Equal(0, Do(HomeOf("bert"), "sign", root, "--yes").ExitCode);
        Assert.Equal(0, Do(_trial.Home, "send", root).ExitCode);
        Assert.Equal(0, Do(_trial.Home, "set", "RADIO_ISOLATION", "on").ExitCode);
        Thread.Sleep(1_100);
        string from = DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        Assert.Equal(0, Do(HomeOf("carl"), "set", "RADIO_ISOLATION", "off").ExitCode);
        CommandResult written = Do(_trial.Home, "trust", "revoke", "carl", "--from", from, "--out", revocation, "--yes");
        Assert.True(written.ExitCode == 0, written.Error);
        Assert.Contains($"apply {restore}", written.Error, StringComparison.Ordinal);
        Assert.Equal("on", JsonDocument.Parse(System.IO.File.ReadAllText(restore)).RootElement.GetProperty("RADIO_ISOLATION").GetString());
        Assert.Equal(0, Do(HomeOf("bert"), "sign", revocation, "--yes").ExitCode);
        Assert.Equal(0, Do(HomeOf("bert"), "send", revocation).ExitCode);
        Assert.Equal(0, Do(_trial.Home, "apply", restore).ExitCode);
        Assert.Equal("on", _trial.Status().Policy("RADIO_ISOLATION"));
        Assert.DoesNotContain("was signed by ", Do(_trial.Home, "status").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatARevokedKeySet_IsWarnedOf_UntilSomebodySetsIt()
    {
        _trial.StartDaemon();
        Assert.Equal(0, Do(_trial.Home, "trust", "init", "--holder", "anna", "--yes").ExitCode);
        Assert.Equal(0, Do(_trial.Home, "trust", "add", Person("bert"), "--yes").ExitCode);
        string from = DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        Thread.Sleep(1_100);
        Assert.Equal(0, Do(HomeOf("bert"), "set", "RADIO_ISOLATION", "off", "KERNEL_HARDENING", "strict").ExitCode);
        CommandResult revoked = Do(_trial.Home, "trust", "revoke", "bert", "--from", from, "--yes");
        Assert.True(revoked.ExitCode == 0, revoked.Error);
        CommandResult again = Do(_trial.Home, "trust", "revoke", TestSigner.FromSeed(System.IO.File.ReadAllBytes(Path.Combine(HomeOf("bert"), "ed25519_sk"))).KeyId, "--from", from, "--yes");
        Assert.Equal(1, again.ExitCode);
        Assert.Contains("it is revoked already, from entry", again.Error, StringComparison.Ordinal);

        foreach (string[] words in new string[][] { ["status"], ["trust", "status"], ["doctor"] })
        {
            string shown = Do(_trial.Home, words).Output;
            Assert.Contains("RADIO_ISOLATION was signed by ", shown, StringComparison.Ordinal);
            Assert.Equal(words[0] != "trust", shown.Contains("the boot will refuse KERNEL_HARDENING: signed by ", StringComparison.Ordinal));
        }
        Assert.Equal(1, Do(_trial.Home, "doctor").ExitCode);
        Assert.Equal(0, Do(_trial.Home, "set", "RADIO_ISOLATION", "off", "KERNEL_HARDENING", "strict").ExitCode);
        foreach (string[] words in new string[][] { ["status"], ["trust", "status"], ["doctor"] })
            Assert.DoesNotContain("signed by ", Do(_trial.Home, words).Output, StringComparison.Ordinal);
    }

    /// <summary>To set such a key to what it is changes nothing, but says that it is meant.</summary>
    [Fact]
    public void WhatARevokedKeySetForTheBoot_IsWarnedOfUntilItIsConfirmed_ThoughThatChangesNothing()
    {
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal(0, Do(_trial.Home, "trust", "init", "--holder", "anna", "--yes").ExitCode);
        Assert.Equal(0, Do(_trial.Home, "trust", "add", Person("bert"), "--yes").ExitCode);
        string from = DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        Thread.Sleep(1_100);
        Assert.Equal(0, Do(HomeOf("bert"), "set", "KERNEL_HARDENING", "strict").ExitCode);
        Assert.Equal(0, daemon.Stop());
        Assert.Equal(0, _trial.ApplyPending().ExitCode);
        _trial.StartDaemon();
        Thread.Sleep(1_100);
        // The thief says it again.
        Assert.Equal(0, Do(HomeOf("bert"), "set", "KERNEL_HARDENING", "strict").ExitCode);
        Assert.Equal(0, Do(_trial.Home, "trust", "revoke", "bert", "--from", from, "--yes").ExitCode);
        Assert.Contains("KERNEL_HARDENING was signed by ", Do(_trial.Home, "status").Output, StringComparison.Ordinal);
        Thread.Sleep(1_100);
        Assert.Equal(0, Do(_trial.Home, "set", "KERNEL_HARDENING", "strict").ExitCode);
        Assert.DoesNotContain("was signed by ", Do(_trial.Home, "status").Output, StringComparison.Ordinal);
        Assert.Equal("strict", _trial.Status().Policy("KERNEL_HARDENING"));
    }

    private CommandResult Do(string home, params string[] arguments) => Command.Run([Binaries.Client, "--root", _trial.Root, "--home", home, .. arguments]);

    private string File(string name) => Path.Combine(_trial.Root, name);

    private string HomeOf(string name) => Path.Combine(_trial.Root, "home-" + name);

    private string Person(string name)
    {
        Assert.Equal(0, Do(HomeOf(name), "key", "show").ExitCode);
        return $"{name}={Path.Combine(HomeOf(name), "ed25519_pk")}";
    }

    private string KeyId() => JsonDocument.Parse(Do(_trial.Home, "key", "show", "-o", "json").Output).RootElement.GetProperty("key_id").GetString()!;

    private JsonObject ForThisSystem(string args)
    {
        JsonObject message = TestSigner.Draft(args);
        message["system"] = System.IO.File.ReadAllText(_trial.At("/etc/qwamos/system.id")).Trim();
        return message;
    }

    private static bool IsSwitched(string state) =>
        System.IO.File.Exists(state) && JsonNode.Parse(System.IO.File.ReadAllText(state))!["switched"] is { } switched && (long)switched > 0;
}
