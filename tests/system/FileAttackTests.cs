using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>ATTACKS 27, 30, 31, 39 and 40 on the published programs.</summary>
public sealed class FileAttackTests : IDisposable
{
    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Theory]
    [InlineData("/etc/qwamos/dom0.pub")]
    [InlineData("/etc/qwamos/qwamosd.json")]
    [InlineData("/etc/qwamos/policy.schema.json")]
    [InlineData("/var/lib/qwamos/ledger.db")]
    public void Attack27_SymlinkAtATrustedPath_StopsTheStart(string path)
    {
        string target = Path.Combine(_trial.Root, "elsewhere");
        if (File.Exists(_trial.At(path)))
            File.Move(_trial.At(path), target);
        else
            File.WriteAllText(target, path.EndsWith("qwamosd.json", StringComparison.Ordinal) ? "{\"gateways\":[]}" : "");
        byte[] before = File.ReadAllBytes(target);
        Directory.CreateDirectory(Path.GetDirectoryName(_trial.At(path))!);
        File.CreateSymbolicLink(_trial.At(path), target);
        AssertDoesNotStart(Path.GetFileName(path));
        Assert.Equal(before, File.ReadAllBytes(target));
    }

    [Theory]
    [InlineData("/etc/qwamos/dom0.pub", "-s")]
    [InlineData("/etc/qwamos/dom0.pub", "-L")]
    [InlineData("/etc/qwamos/system.id", "-s")]
    [InlineData("/etc/qwamos/system.id", "-L")]
    [InlineData("/var/lib/qwamos/ledger.db", "-s")]
    [InlineData("/var/lib/qwamos/ledger.db", "-L")]
    [InlineData("/var/lib/qwamos/ledger_sk", "-s")]
    [InlineData("/var/lib/qwamos/ledger_sk", "-L")]
    [InlineData("/var/lib/qwamos-boot/memory.json", "-s")]
    [InlineData("/var/lib/qwamos-boot/memory.json", "-L")]
    [InlineData("/var/lib/qwamos-boot/notes/00000001.json", "-s")]
    [InlineData("/var/lib/qwamos-boot/notes/00000001.json", "-L")]
    public void Attack27_LinkInPlaceOfAFileThatWasMade_StopsTheNextStart(string path, string how)
    {
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("BOOT_VERIFICATION", "\"strict\"").Code());
        Assert.Equal(0, daemon.Stop());
        Assert.Equal(0, _trial.ApplyPending().ExitCode);
        string target = Path.Combine(_trial.Root, "elsewhere");
        File.Move(_trial.At(path), target);
        byte[] before = File.ReadAllBytes(target);
        Assert.Equal(0, Command.Run(["ln", how, target, _trial.At(path)]).ExitCode);
        AssertDoesNotStart(Path.GetFileName(path));
        Assert.Equal(before, File.ReadAllBytes(target));
    }

    [Theory]
    [InlineData("/var/lib/qwamos/ledger.db-wal")]
    [InlineData("/var/lib/qwamos/ledger.db-shm")]
    [InlineData("/var/lib/qwamos/ledger.db-journal")]
    [InlineData("/run/qwamos/bus.sock")]
    [InlineData("/run/qwamos/bus.sock.lock")]
    public void Attack27_LinkWhereTheDaemonWouldWrite_StopsTheStart_AndIsNotFollowed(string path)
    {
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal(0, daemon.Stop());
        string victim = Path.Combine(_trial.Root, "victim");
        File.WriteAllText(victim, "precious");
        File.Delete(_trial.At(path));
        File.CreateSymbolicLink(_trial.At(path), victim);
        AssertDoesNotStart(Path.GetFileName(path));
        Assert.Equal("precious", File.ReadAllText(victim));
    }

    [Theory]
    [InlineData("/etc/qwamos")]
    [InlineData("/etc")]
    public void Attack27_ParentWritableByOthers_StopsTheStart(string folder)
    {
        File.SetUnixFileMode(_trial.At(folder), (UnixFileMode)0b111_111_111);
        AssertDoesNotStart(folder);
    }

    [Theory]
    [InlineData("/var/lib/qwamos/status.json", "-s")]
    [InlineData("/var/lib/qwamos/status.json", "-L")]
    [InlineData("/var/lib/qwamos/pending.conf", "-s")]
    [InlineData("/var/lib/qwamos/pending.conf", "-L")]
    public void Attack27_LinkAtAProjection_IsRefusedAndReported_NeverFollowed(string path, string how)
    {
        string victim = Path.Combine(_trial.Root, "victim");
        File.WriteAllText(victim, "precious");
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal(0, daemon.Stop());
        File.Delete(_trial.At(path));
        Assert.Equal(0, Command.Run(["ln", how, victim, _trial.At(path)]).ExitCode);
        _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("KERNEL_HARDENING", "\"strict\"").Code());
        Eventually.True(() => _trial.Status().GetProperty("projections").ToString().Contains(Path.GetFileName(path), StringComparison.Ordinal), "status names the path");
        Assert.Equal("precious", File.ReadAllText(victim));
        File.Delete(_trial.At(path));
        Eventually.True(() => File.Exists(_trial.At(path)) && _trial.Status().GetProperty("projections").ToString() == "ok", "the projection is written once the link is gone");
        Assert.Equal("precious", File.ReadAllText(victim));
    }

    [Fact]
    public void EditedProjection_ChangesNothing_AndIsRebuiltAtStart()
    {
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        Assert.Equal(0, daemon.Stop());
        File.WriteAllText(_trial.StatusFile, """{"policy":{"RADIO_ISOLATION":"on"},"last_update":1}""");
        _trial.StartDaemon();
        Assert.Equal("off", _trial.Status().Policy("RADIO_ISOLATION"));
        using var projection = JsonDocument.Parse(File.ReadAllBytes(_trial.StatusFile));
        Assert.Equal("off", projection.RootElement.Policy("RADIO_ISOLATION"));
    }

    [Fact]
    public void Attack30_FlippedByteInTheTail_StopsTheStart_SayingWhere()
    {
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        Assert.Equal("ok", _trial.Set("VPN_KILL_SWITCH", "\"on\"").Code());
        daemon.Kill9();
        Assert.Equal(0, Command.Run(["/usr/bin/python3", "-c",
            $"import sqlite3; c=sqlite3.connect('{_trial.LedgerFile}'); c.execute(\"update entries set leaf=cast(replace(cast(leaf as text),'VPN_KILL_SWITCH','VPN_KILL_SWITCx') as blob) where idx=1\"); c.commit(); c.execute('pragma wal_checkpoint(truncate)'); c.close()"]).ExitCode);
        RunningProgram again = _trial.StartDaemon(waitReady: false);
        Assert.NotEqual(0, again.WaitForExit());
        Assert.Contains("Entry 1", again.Log);
    }

    [Fact]
    public void Attack30_DeletedTail_StopsTheStart()
    {
        RunningProgram daemon = _trial.StartDaemon();
        for (int i = 0; i < 5; i++)
            Assert.Equal("ok", _trial.Set("RADIO_IDLE_TIMEOUT_MIN", $"{i + 20}").Code());
        daemon.Kill9();
        Assert.Equal(0, Command.Run(["/usr/bin/python3", "-c",
            $"import sqlite3; c=sqlite3.connect('{_trial.LedgerFile}'); c.execute('delete from entries where idx=4'); c.commit(); c.close()"]).ExitCode);
        RunningProgram again = _trial.StartDaemon(waitReady: false);
        Assert.NotEqual(0, again.WaitForExit());
        Assert.Contains("Entry 4", again.Log);
    }

    [Theory]
    [InlineData("readable", "chmod 600")]
    [InlineData("short", "ed25519_sk")]
    [InlineData("folder", "ed25519_sk")]
    [InlineData("fifo", "ed25519_sk")]
    [InlineData("symlink", "ed25519_sk")]
    [InlineData("hard link", "cp --remove-destination")]
    [InlineData("open home", "chmod")]
    public void Attack31_BadPrivateKey_IsRefusedWithItsMend(string what, string mend)
    {
        string key = Path.Combine(_trial.Home, "ed25519_sk");
        byte[] seed = File.ReadAllBytes(key);
        switch (what)
        {
            case "readable":
                File.SetUnixFileMode(key, (UnixFileMode)0b110_100_100);
                break;
            case "short":
                File.WriteAllBytes(key, seed[..31]);
                break;
            case "folder":
                File.Delete(key);
                Directory.CreateDirectory(key);
                break;
            case "fifo":
                File.Delete(key);
                Command.Run(["mkfifo", "-m", "600", key]);
                break;
            case "hard link":
                Command.Run(["ln", key, key + ".second"]);
                break;
            case "symlink":
                File.Move(key, key + ".real");
                File.CreateSymbolicLink(key, key + ".real");
                break;
            default:
                File.SetUnixFileMode(_trial.Home, (UnixFileMode)0b111_111_111);
                break;
        }

        CommandResult result = _trial.Client("set", "RADIO_ISOLATION", "off");
        Assert.Equal(4, result.ExitCode);
        Assert.Contains(mend, result.Error);
        Assert.Empty(result.Output);
    }

    [Fact]
    public void Attack31_PrivateKeyOfAnotherOwner_IsRefused()
    {
        Needs.Root();
        Command.Run(["chown", "65534", Path.Combine(_trial.Home, "ed25519_sk")]);
        CommandResult result = _trial.Client("set", "RADIO_ISOLATION", "off");
        Assert.Equal(4, result.ExitCode);
        Assert.Contains("chown", result.Error);
    }

    [Theory]
    [InlineData("readable", "chmod 600")]
    [InlineData("short", "ledger_sk")]
    [InlineData("folder", "ledger_sk")]
    [InlineData("fifo", "ledger_sk")]
    [InlineData("of another", "chown")]
    public void Attack31_BadPrivateKeyOfTheLedger_StopsTheStart_WithItsMend(string what, string mend)
    {
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal(0, daemon.Stop());
        string key = _trial.At("/var/lib/qwamos/ledger_sk");
        if (what == "readable")
            File.SetUnixFileMode(key, (UnixFileMode)0b110_100_100);
        else if (what == "short")
            File.WriteAllBytes(key, new byte[31]);
        else if (what == "of another")
        {
            Needs.Root();
            Command.Run(["chown", "65534", key]);
        }
        else
        {
            File.Delete(key);
            Command.Run(what == "fifo" ? ["mkfifo", "-m", "600", key] : ["mkdir", key]);
        }

        AssertDoesNotStart(mend);
    }

    [Fact]
    public void Attack39_PathsAndSinks_CannotBeGivenOverTheBus()
    {
        _trial.StartDaemon();
        TestSigner signer = _trial.Signer;
        Assert.Equal("bad_request", _trial.Ask(signer.Request(new System.Text.Json.Nodes.JsonObject
        {
            ["command"] = "set_policy", ["args"] = System.Text.Json.Nodes.JsonNode.Parse("{\"RADIO_ISOLATION\":\"off\"}"), ["nonce"] = TestSigner.FreshNonce(),
            ["timestamp"] = TestSigner.Now, ["socket"] = "/tmp/elsewhere",
        })).Code());
        foreach (string key in new[] { "socket", "gateways", "log", "hooks.d", "audit_path" })
            Assert.Equal("invalid_policy", _trial.Ask(signer.SetPolicy($"{{\"{key}\":\"/tmp/elsewhere\"}}")).Code());
    }

    [Fact]
    public void Attack40_SecretsAreNowhereToBeFound()
    {
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("DURESS.gesture", "\"power-volup-fingerprint\"").Code());
        Assert.Equal("ok", _trial.Ask(_trial.Signer.Request(Staged("""{"DURESS.enabled":true}"""))).Code());
        CommandResult status = _trial.Client("status");
        CommandResult json = _trial.Client("-o", "json", "status");
        Eventually.True(() => File.ReadAllText(_trial.StatusFile).Contains("(hidden)", StringComparison.Ordinal), "status.json shows that there is a value");
        Eventually.True(() => File.ReadAllText(_trial.At("/var/lib/qwamos/pending.conf")).Contains("DURESS", StringComparison.Ordinal), "pending.conf shows that a value is staged");
        string[] places = [daemon.Log, status.Output + status.Error, json.Output + json.Error, File.ReadAllText(_trial.StatusFile), File.ReadAllText(_trial.At("/var/lib/qwamos/pending.conf"))];
        Assert.All(places, text => Assert.DoesNotContain("power-volup", text));
        Assert.Contains("DURESS.enabled=(hidden)", places[^1]);
        Assert.Equal("bad_signature", _trial.Ask("""{"msg":{"command":"get_status","args":{"reveal":true}}}"""u8).Code());
        CommandResult revealed = _trial.Client("-o", "json", "status", "--reveal");
        Assert.Contains("power-volup-fingerprint", revealed.Output);

        byte[] seed = File.ReadAllBytes(Path.Combine(_trial.Home, "ed25519_sk"));
        string[] encodings = [Convert.ToHexStringLower(seed), Convert.ToHexString(seed), Convert.ToBase64String(seed)];
        Assert.Equal(0, daemon.Stop());
        CommandResult boot = _trial.ApplyPending();
        Assert.Contains("DURESS.enabled=(hidden)", boot.Error);
        foreach (string file in Directory.EnumerateFiles(_trial.At("/var/lib/qwamos-boot"), "*", SearchOption.AllDirectories))
            Assert.DoesNotMatch("power-volup|DURESS.enabled[\"=: ]+true", File.ReadAllText(file));

        string all = string.Join('\n', places) + boot.Output + boot.Error + _trial.Client("key", "show").Output + _trial.Client("set", "RADIO_ISOLATION", "off", "--dry-run").Output;
        Assert.All(encodings, text => Assert.DoesNotContain(text, all));
        AssertNoFileBelow(_trial.At("/var"), seed);
        AssertNoFileBelow(_trial.At("/etc"), seed);
    }

    private static System.Text.Json.Nodes.JsonObject Staged(string args)
    {
        System.Text.Json.Nodes.JsonObject message = TestSigner.Draft(args);
        message["mode"] = "staged";
        return message;
    }

    private static void AssertNoFileBelow(string folder, byte[] secret)
    {
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            Assert.True(File.ReadAllBytes(file).AsSpan().IndexOf(secret) < 0, $"the private key stands in {file}");
    }

    private void AssertDoesNotStart(string because)
    {
        RunningProgram daemon = _trial.StartDaemon(waitReady: false);
        Assert.NotEqual(0, daemon.WaitForExit());
        Assert.Contains(because, daemon.Log);
        Assert.DoesNotContain("Unhandled", daemon.Log);
    }
}
