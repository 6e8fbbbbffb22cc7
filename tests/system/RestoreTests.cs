using System.Text;
using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary><c>qwamosd restore FILE</c> on the published programs: who has seen more refuses an older backup, and losing it is deliberate and recorded.</summary>
public sealed class RestoreTests : IDisposable
{
    private const string OneGateway = """{"gateways":[{"name":"gateway","class":"gateway","socket":"/run/qwamos/gateway-bus.sock"}]}""";

    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    private string Backup => _trial.At("/b.db");

    private string State => _trial.At("/var/lib/qwamos");

    private string Boot => _trial.At("/var/lib/qwamos-boot");

    [Fact]
    public void OntoAnEmptyMachine_TheLedgerIsBack_RecordedAndRemembered_AndGoesOn()
    {
        BackUpAfter(5, lost: 0);
        Empty(State, Boot);
        CommandResult restored = Restore();
        Assert.True(restored.ExitCode == 0, restored.Error);
        Assert.Contains("5 entries, root hash ", restored.Output);
        Assert.Contains("5 signatures verified, 0 by other keys", restored.Output);
        Assert.Contains("the present ledger      there is none", restored.Output);
        Assert.False(File.Exists(Path.Combine(Boot, "restore.json")));
        Assert.False(Directory.Exists(Path.Combine(State, "restoring")));
        Assert.False(File.Exists(_trial.LedgerFile + "-wal"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_trial.LedgerFile));
        Assert.Equal(5, Memory().GetProperty("tree_size").GetInt64());
        Sound();

        _trial.StartDaemon();
        JsonElement status = _trial.Status();
        Assert.Equal(6, status.GetProperty("size").GetInt64());
        Assert.Equal("4", status.Policy("RADIO_IDLE_TIMEOUT_MIN"));
        JsonElement note = Note(5);
        Assert.Equal("restored", note.GetProperty("kind").GetString());
        Assert.Equal(0, note.GetProperty("old_size").GetInt64());
        Assert.Equal(5, note.GetProperty("size").GetInt64());
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        Sound();
    }

    [Fact]
    public void OverADamagedLedger_ABackupOfAllThatWasSeen_NeedsNoFlag_AndKeepsTheKey()
    {
        BackUpAfter(5, lost: 0);
        byte[] key = File.ReadAllBytes(Path.Combine(State, "ledger_sk"));
        byte[] ledger = File.ReadAllBytes(_trial.LedgerFile);
        new Random(1).NextBytes(ledger.AsSpan(4096, 8192));
        File.WriteAllBytes(_trial.LedgerFile, ledger);
        CommandResult restored = Restore();
        Assert.True(restored.ExitCode == 0, restored.Error);
        Assert.Contains("the present ledger      cannot be read", restored.Output);
        Assert.Contains("the kept checkpoint     5 entries: all in FILE", restored.Output);
        Assert.Equal(ledger, File.ReadAllBytes(Path.Combine(State, "backups/replaced-00000001/ledger.db")));
        _trial.StartDaemon();
        Assert.Equal("restored", Note(5).GetProperty("kind").GetString());
        Assert.Equal(key, File.ReadAllBytes(Path.Combine(State, "ledger_sk")));
    }

    [Theory]
    [InlineData("ledger", "the present ledger")]
    [InlineData("checkpoint", "the kept checkpoint")]
    [InlineData("boot", "the last boot")]
    [InlineData("gateway", "gateway gateway")]
    [InlineData("seen", "/seen/[0-9a-f]{32}")]
    [InlineData("note", "/seen.note")]
    [InlineData("signed", "/seen.signed")]
    public void Attack13_OlderBackup_IsRefusedByEachThatHasSeenMore_AndNothingIsChanged(string keeper, string who)
    {
        _trial.Write("/etc/qwamos/qwamosd.json", keeper == "gateway" ? OneGateway : """{"gateways":[]}""");
        if (keeper == "gateway")
            _trial.StartGateway();
        BackUpAfter(5, lost: 2);
        string seen = Directory.GetFiles(Path.Combine(_trial.Home, "seen")).Single();
        string[] lines = File.ReadAllLines(seen);
        // As the client keeps it: once an operator signed the ledger's key, with the statement on the second line.
        if (keeper is "note" or "signed")
            File.WriteAllLines(seen = _trial.At("/seen." + keeper), keeper == "note" ? lines.Skip(1) : [lines[0], """{"key":"the statement"}""", .. lines.Skip(1)]);
        string[] options = keeper is "seen" or "note" or "signed" ? ["--seen", seen] : [];
        if (keeper == "boot")
            Assert.Equal(0, _trial.ApplyPending().ExitCode);
        Forget(keeper);
        string before = Files();
        CommandResult refused = Restore([.. options]);
        Assert.True(refused.ExitCode == 1, refused.Output);
        Assert.Matches($"(?m)^.*{who}  .*7 entries.*: entries 5 to 6 are not in FILE$", refused.Output);
        Assert.Matches($"refused: .*does not have all that was seen, by (.*, )?[^,]*{who}\\. Nothing was changed.*--accept-older", refused.Error);
        Assert.Equal(before, Files());
    }

    [Fact]
    public void Attack13_AcceptedOlder_LosesOnPurpose_IsRecorded_RetiresTheKey_AndWhatWasLostCannotBeSentAgain()
    {
        byte[][] lost = BackUpAfter(5, lost: 3);
        Assert.Equal(0, _trial.ApplyPending().ExitCode);
        byte[] key = File.ReadAllBytes(Path.Combine(State, "ledger_sk"));
        byte[] ledger = File.ReadAllBytes(_trial.LedgerFile);
        CommandResult restored = Restore("--accept-older");
        Assert.True(restored.ExitCode == 0, restored.Error);
        Assert.EndsWith($"Whoever knows the old one refuses it until an operator has signed it: qwamosctl --root {_trial.Root} audit key --sign", restored.Output.TrimEnd(), StringComparison.Ordinal);
        string kept = Path.Combine(State, "backups/replaced-00000001");
        Assert.Equal(ledger, File.ReadAllBytes(Path.Combine(kept, "ledger.db")));
        Assert.Equal(key, File.ReadAllBytes(Path.Combine(kept, "ledger_sk")));
        Assert.True(File.Exists(Path.Combine(kept, "checkpoint")));
        Assert.Equal(0, Command.Run([Binaries.Daemon, "--root", _trial.Root, "fsck", Path.Combine(kept, "ledger.db")]).ExitCode);
        Sound();

        RunningProgram daemon = _trial.StartDaemon();
        daemon.WaitForLog("an older ledger was put back, 5 entries");
        JsonElement note = Note(5);
        Assert.Equal("restored-older", note.GetProperty("kind").GetString());
        Assert.Equal(8, note.GetProperty("old_size").GetInt64());
        Assert.Equal(5, note.GetProperty("size").GetInt64());
        Assert.NotEqual(key, File.ReadAllBytes(Path.Combine(State, "ledger_sk")));
        foreach (byte[] request in lost)
            Assert.Contains(_trial.Ask(request).Code(), (string[])["superseded", "stale"]);
        Assert.Equal("4", _trial.Status().Policy("RADIO_IDLE_TIMEOUT_MIN"));
        Assert.Equal("ok", _trial.Set("RADIO_IDLE_TIMEOUT_MIN", "77").Code());
        Assert.Equal("ok", _trial.Set("KERNEL_HARDENING", "\"strict\"").Code());

        // Whoever keeps a request for a restart has no more luck.
        Assert.Equal(0, daemon.Stop());
        Sound();
        CommandResult boot = _trial.ApplyPending();
        Assert.Equal(0, boot.ExitCode);
        Assert.Contains("KERNEL_HARDENING=strict", boot.Error);
        _trial.StartDaemon();
        foreach (byte[] request in lost)
            Assert.Contains(_trial.Ask(request).Code(), (string[])["superseded", "stale", "replayed"]);
        Assert.Equal("strict", _trial.Status().Policy("KERNEL_HARDENING"));
        Assert.Equal(1, _trial.Client("audit", "checkpoint").ExitCode);
    }

    [Fact]
    public void Attack13_AcceptedOlder_WithAGateway_IsRefusedByIt_UntilTheNewKeyIsSigned()
    {
        _trial.Write("/etc/qwamos/qwamosd.json", OneGateway);
        _trial.StartGateway();
        BackUpAfter(5, lost: 2);
        Assert.Equal(0, Restore("--accept-older").ExitCode);
        RunningProgram daemon = _trial.StartDaemon();
        Eventually.True(() => Witness() == "alarm", "the gateway refuses the new key", Witness);
        Assert.Contains($"qwamosctl --root {_trial.Root} --home {_trial.Home} audit key --sign --key KEY", _trial.Client("audit", "key", "--sign").Error);
        string key = _trial.Status().GetProperty("key").GetString()!;
        daemon.WaitForLog($"ledger key {key}: not signed by an operator");
        Assert.Contains(".replaced", _trial.Client("audit", "key", "--sign", "--key", key).Error);
        // One that has refused is asked again each minute, and when the operator has signed.
        Eventually.True(() => Witness() == "cosigns", "the gateway begins anew", Witness);
        Assert.Equal(0, _trial.Client("set", "RADIO_ISOLATION", "on").ExitCode);
        Assert.Contains("signed before, as entry ", _trial.Client("audit", "key", "--sign").Output);
    }

    [Fact]
    public void Attack13_AnotherHistory_IsRefused_AndTheFailedStartNamesTheMend()
    {
        BackUpAfter(5, lost: 0);
        File.Delete(_trial.LedgerFile);
        File.Delete(Path.Combine(State, "checkpoint"));
        RunningProgram daemon = _trial.StartDaemon();
        for (int i = 0; i < 7; i++)
            Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        Assert.Equal(0, daemon.Stop());
        Assert.Equal(0, _trial.ApplyPending().ExitCode);
        CommandResult refused = Restore();
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("by the present ledger, the kept checkpoint, the last boot. Nothing", refused.Error);

        // By hand, as before there was a command.
        File.Copy(Backup, _trial.LedgerFile, overwrite: true);
        File.Delete(Path.Combine(State, "checkpoint"));
        RunningProgram failed = _trial.StartDaemon(waitReady: false);
        Assert.Equal(1, failed.WaitForExit());
        Assert.Contains($"{Boot}/memory.json says so", failed.Log);
        Assert.Contains($"qwamosd --root {_trial.Root} restore {_trial.LedgerFile} --accept-older", failed.Log);
        CommandResult mended = Command.Run([Binaries.Daemon, "--root", _trial.Root, "restore", _trial.LedgerFile, "--accept-older"]);
        Assert.True(mended.ExitCode == 0, mended.Error);
        _trial.StartDaemon();
        Assert.Equal("restored-older", Note(5).GetProperty("kind").GetString());
    }

    [Fact]
    public void WhileTheDaemonRuns_ItIsRefused()
    {
        BackUpAfter(2, lost: 0);
        _trial.StartDaemon();
        CommandResult refused = Restore("--accept-older");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("qwamosd runs: stop it first", refused.Error);
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
    }

    [Fact]
    public void WriteAheadLogBesideFile_BelongsToIt()
    {
        RunningProgram daemon = _trial.StartDaemon();
        Fill(5);
        daemon.Kill9();
        Assert.True(new FileInfo(_trial.LedgerFile + "-wal").Length > 0);
        File.Copy(_trial.LedgerFile, Backup);
        File.Copy(_trial.LedgerFile + "-wal", Backup + "-wal");
        byte[] log = File.ReadAllBytes(Backup + "-wal");
        Empty(State, Boot);
        CommandResult restored = Restore();
        Assert.True(restored.ExitCode == 0, restored.Error);
        Assert.Contains("Restored: 5 entries", restored.Output);
        Assert.Equal(log, File.ReadAllBytes(Backup + "-wal"));
        _trial.StartDaemon();
        Assert.Equal(6, _trial.Status().GetProperty("size").GetInt64());
    }

    [Theory]
    [InlineData("missing")]
    [InlineData("link")]
    [InlineData("hard link")]
    [InlineData("FIFO")]
    [InlineData("directory")]
    [InlineData("empty")]
    [InlineData("truncated")]
    [InlineData("flipped")]
    [InlineData("text")]
    [InlineData("newer")]
    [InlineData("journal")]
    [InlineData("link for its log")]
    [InlineData("other system")]
    public void Attack30_HostileFile_IsRefused_WithItsName_EvenWhenOlderIsAccepted_AndNothingIsChanged(string what)
    {
        BackUpAfter(40, lost: 0);
        Spoil(what);
        string before = Files();
        foreach (string[] options in (string[][])[[], ["--accept-older"]])
        {
            CommandResult refused = Restore(options);
            Assert.True(refused.ExitCode == 1, what + refused.Output);
            Assert.Contains("b.db", refused.Error);
            Assert.DoesNotContain("restoring", refused.Error);
            Assert.Equal(before, Files());
        }
        _trial.StartDaemon();
        Assert.Equal(40, _trial.Status().GetProperty("size").GetInt64());
    }

    [Fact]
    public void Attack05And30_EntryThatTheEnrolledKeyDidNotSign_IsRefused_ThoughEveryHashIsRight()
    {
        Needs.Tool("python3");
        BackUpAfter(1, lost: 0);
        Empty(State, Boot);
        ForgedLedger.Write(Backup, """leaf.replace(b'"RADIO_IDLE_TIMEOUT_MIN":0', b'"RADIO_IDLE_TIMEOUT_MIN":9')""");
        CommandResult refused = Restore("--accept-older");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("Entry 0 is not what was recorded: its signature does not hold", refused.Error);
        Assert.False(File.Exists(_trial.LedgerFile));
    }

    [Fact]
    public void Attack29_DiskFull_LeavesEverythingAsItWas()
    {
        Needs.Root();
        BackUpAfter(30, lost: 0);
        string copy = _trial.At("/state");
        Assert.Equal(0, Command.Run(["cp", "-a", State, copy]).ExitCode);
        long room = Directory.GetFiles(State, "*", SearchOption.AllDirectories).Sum(path => new FileInfo(path).Length + 4096);
        foreach (long more in (long[])[0, 20_000, new FileInfo(Backup).Length])
        {
            Assert.SkipUnless(Command.Run(["mount", "-t", "tmpfs", "-o", $"size={room + more},mode=0750", "none", State]).ExitCode == 0, "needs permission to mount a tmpfs");
            try
            {
                Assert.Equal(0, Command.Run(["cp", "-a", copy + "/.", State]).ExitCode);
                string before = Files();
                CommandResult result = Restore();
                if (result.ExitCode == 0)
                    Sound();
                else
                    Assert.Equal(before, Files());
                Assert.True(more > 20_000 || result.ExitCode == 1, $"{more} {result.Output}");
            }
            finally
            {
                Command.Run(["umount", "-l", State]);
            }
        }
        Assert.Equal(0, Restore().ExitCode);
    }

    [Theory]
    [InlineData("pwrite64,write")]
    [InlineData("fsync,fdatasync")]
    [InlineData("/^rename")]
    [InlineData("unlink,unlinkat,rmdir")]
    public void Attack13And29_KilledAtAnyStep_NoDaemonStartsOnHalfOfIt_AndRunAgainItEndsInTheSameState(string calls)
    {
        Needs.FaultInjection();
        BackUpAfter(5, lost: 2);
        string saved = _trial.At("/saved");
        Assert.Equal(0, Command.Run(["cp", "-a", _trial.At("/var"), saved]).ExitCode);
        int step = 1;
        int stride = calls.StartsWith("pwrite64", StringComparison.Ordinal) ? 3 : calls.StartsWith("fsync", StringComparison.Ordinal) ? 2 : 1;
        for (bool wasKilled = true; wasKilled; step += stride)
        {
            Directory.Delete(_trial.At("/var"), recursive: true);
            Assert.Equal(0, Command.Run(["cp", "-a", saved, _trial.At("/var")]).ExitCode);
            CommandResult killed = Command.Run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", $"trace={calls}", "-e", $"inject={calls}:signal=KILL:when={step}",
                Binaries.Daemon, "--root", _trial.Root, "restore", Backup, "--accept-older"]);
            wasKilled = killed.ExitCode != 0;
            bool isBegun = File.Exists(Path.Combine(Boot, "restore.json"));
            if (isBegun)
            {
                RunningProgram refused = _trial.StartDaemon(waitReady: false);
                Assert.Equal(1, refused.WaitForExit());
                Assert.Contains("a restore of the ledger was begun", refused.Log);
                Assert.Contains("a restore of the ledger was begun", _trial.ApplyPending().Error);
            }
            if (wasKilled)
            {
                CommandResult again = Restore("--accept-older");
                Assert.True(again.ExitCode == 0, $"{calls} {step}: {again.Error}");
            }
            Sound();
            Assert.Equal(5, Memory().GetProperty("tree_size").GetInt64());
            Assert.False(Directory.Exists(Path.Combine(State, "restoring")));
            Assert.False(File.Exists(Path.Combine(Boot, "restore.json")));
            Assert.False(File.Exists(Path.Combine(State, "checkpoint")));
            Assert.False(File.Exists(Path.Combine(State, "ledger_sk")));
            // Killed after the last step, run again it restores what is there already: nothing more is lost.
            string[] notes = [.. Directory.GetFiles(Path.Combine(Boot, "notes"), "*.json").Select(File.ReadAllText)];
            Assert.Single(notes, note => note.Contains("\"kind\":\"restored-older\"", StringComparison.Ordinal));
            Assert.True(File.Exists(Path.Combine(State, "backups/replaced-00000001/ledger_sk")));
        }
        TestContext.Current.SendDiagnosticMessage($"{calls}: {step} steps");
        Assert.InRange(step, 4, 4000);
        _trial.StartDaemon();
        Assert.Equal("restored-older", Note(5).GetProperty("kind").GetString());
    }

    private void Spoil(string what)
    {
        byte[] bytes = File.ReadAllBytes(Backup);
        string other = _trial.At("/other.db");
        File.Delete(Backup);
        switch (what)
        {
            case "missing":
                return;
            case "link":
                File.WriteAllBytes(other, bytes);
                File.CreateSymbolicLink(Backup, other);
                return;
            case "hard link":
                File.WriteAllBytes(other, bytes);
                Assert.Equal(0, Command.Run(["ln", other, Backup]).ExitCode);
                return;
            case "FIFO":
                Assert.Equal(0, Command.Run(["mkfifo", Backup]).ExitCode);
                return;
            case "directory":
                Directory.CreateDirectory(Backup);
                return;
            case "empty":
                bytes = [];
                break;
            case "truncated":
                bytes = bytes[..^4096];
                break;
            case "flipped":
                // Everywhere: a page may hold what was there before, which nothing reads.
                for (int at = 0, next; (next = bytes.AsSpan(at).IndexOf("\"kind\":\"change\""u8)) >= 0;)
                    bytes[(at += next + 1) + 8] ^= 0x20;
                break;
            case "text":
                bytes = Encoding.UTF8.GetBytes(new string('x', 8192));
                break;
            case "newer":
                bytes[63] = 5; // The last byte of SQLite's user_version.
                break;
            case "journal":
                File.WriteAllBytes(Backup + "-journal", [1]);
                break;
            case "link for its log":
                File.WriteAllBytes(other, []);
                File.CreateSymbolicLink(Backup + "-wal", other);
                break;
            default:
                bytes = OfAnotherSystem();
                break;
        }
        File.WriteAllBytes(Backup, bytes);
    }

    private static byte[] OfAnotherSystem()
    {
        using var there = new Trial();
        RunningProgram daemon = there.StartDaemon();
        Assert.Equal(0, there.Client("set", "RADIO_ISOLATION", "off").ExitCode);
        Assert.Equal(0, there.Client("backup", there.At("/b.db")).ExitCode);
        Assert.Equal(0, daemon.Stop());
        return File.ReadAllBytes(there.At("/b.db"));
    }

    /// <summary>Changes, a backup, more changes, a stop; gives the requests of the later ones.</summary>
    private byte[][] BackUpAfter(int count, int lost)
    {
        RunningProgram daemon = _trial.StartDaemon();
        Fill(count);
        Assert.Equal(0, _trial.Client("backup", Backup).ExitCode);
        byte[][] requests = [.. Enumerable.Range(0, lost).Select(i => _trial.Signer.SetPolicy($"{{\"RADIO_IDLE_TIMEOUT_MIN\":{500 + i}}}"))];
        foreach (byte[] request in requests)
            Assert.Equal("ok", _trial.Ask(request).Code());
        Assert.Equal(0, _trial.Client("audit", "checkpoint").ExitCode);
        if (File.Exists(_trial.At("/etc/qwamos/qwamosd.json")) && File.ReadAllText(_trial.At("/etc/qwamos/qwamosd.json")) == OneGateway)
        {
            Eventually.True(
                () => Row().GetProperty("witness") is var row && row.GetProperty("state").GetString() is "cosigns" or "pinned" && row.GetProperty("size").GetInt64() == count + lost,
                "the gateway has seen all", () => Row().ToString());
        }
        Assert.Equal(0, daemon.Stop());
        return requests;
    }

    /// <summary>Leaves only one that has seen what is lost.</summary>
    private void Forget(string keeper)
    {
        if (keeper != "ledger")
            File.Delete(_trial.LedgerFile);
        if (keeper is not "checkpoint" and not "note")
            File.Delete(Path.Combine(State, "checkpoint"));
    }

    private JsonElement Row() => _trial.Status().GetProperty("gateways").GetProperty("gateway");

    private string Witness() => Row().GetProperty("witness").GetProperty("state").GetString()!;

    private CommandResult Restore(params string[] options) => Command.Run([Binaries.Daemon, "--root", _trial.Root, "restore", Backup, .. options]);

    private void Sound()
    {
        CommandResult check = Command.Run([Binaries.Daemon, "--root", _trial.Root, "fsck"]);
        Assert.True(check.ExitCode == 0, check.Output);
    }

    private JsonElement Memory() => JsonDocument.Parse(File.ReadAllText(Path.Combine(Boot, "memory.json"))).RootElement;

    /// <summary>The note that an entry of the daemon's ledger holds.</summary>
    private JsonElement Note(int index)
    {
        byte[] leaves = Convert.FromBase64String(
            _trial.Ask(Encoding.UTF8.GetBytes($"{{\"msg\":{{\"command\":\"get_entries\",\"args\":{{\"from\":{index},\"skip\":0}}}}}}")).GetProperty("leaves").GetString()!);
        return JsonDocument.Parse(leaves.AsMemory(2, (leaves[0] << 8) + leaves[1])).RootElement.GetProperty("note");
    }

    /// <summary>Every file of the state and the boot, with what is in it.</summary>
    private string Files() => string.Join('\n', new[] { State, Boot }
        .SelectMany(folder => Directory.GetFiles(folder, "*", SearchOption.AllDirectories))
        .Where(path => !path.EndsWith("/lock", StringComparison.Ordinal) && !path.EndsWith("-shm", StringComparison.Ordinal) && !path.EndsWith("-wal", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal)
        .Select(path => $"{path} {Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path)))}"));

    private static void Empty(params string[] folders)
    {
        foreach (string folder in folders)
        {
            foreach (string path in Directory.GetFileSystemEntries(folder))
            {
                if (Directory.Exists(path))
                    Directory.Delete(path, recursive: true);
                else
                    File.Delete(path);
            }
        }
    }

    private void Fill(int count)
    {
        using BusClient client = _trial.Connect();
        for (int i = 0; i < count; i++)
            Assert.Equal("ok", client.Ask(_trial.Signer.SetPolicy($"{{\"RADIO_IDLE_TIMEOUT_MIN\":{i}}}")).Code());
    }
}
