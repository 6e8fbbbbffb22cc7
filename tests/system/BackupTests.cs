using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary><c>qwamosctl backup FILE</c> and the two commands under it, with the published programs.</summary>
public sealed class BackupTests : IDisposable
{
    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    private string Folder => _trial.At("/var/lib/qwamos/backups");

    [Fact]
    public async Task BackupUnderLoad_IsWhole_HoldsWhatWasAcknowledgedBefore_AndTheWriterGoesOn()
    {
        RunningProgram daemon = _trial.StartDaemon();
        Fill(20);
        Assert.Equal("ok", _trial.Set("DURESS.gesture", "\"triple-power\"").Code());
        using var stop = new CancellationTokenSource();
        long written = 0;
        Task load = Task.Run(() => Load(stop.Token, ref written), TestContext.Current.CancellationToken);
        string file = _trial.At("/b.db");
        long acknowledged = 21 + Interlocked.Read(ref written);
        CommandResult made = _trial.Client("backup", file, "-o", "json");
        stop.Cancel();
        await load;

        Assert.True(made.ExitCode == 0, made.Error);
        JsonElement said = JsonDocument.Parse(made.Output).RootElement;
        Assert.InRange(said.GetProperty("size").GetInt64(), acknowledged, 21 + written);
        Assert.True(written > 0);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file))), said.GetProperty("sha256").GetString());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        CommandResult check = Command.Run([Binaries.Daemon, "--root", _trial.Root, "fsck", file, "-o", "json"]);
        Assert.True(check.ExitCode == 0, check.Output);
        Assert.Equal(said.GetProperty("root_hash").GetString(), JsonDocument.Parse(check.Output).RootElement.GetProperty("root").GetString());
        daemon.WaitForLog("backup backup-00000001.db made");
        Assert.Equal(0, daemon.Stop());
        Assert.False(File.Exists(_trial.LedgerFile + "-wal"));
    }

    [Fact]
    public void BackupsInTheDaemonsFolder_AreBounded_AndOthersAreLeftAlone()
    {
        _trial.StartDaemon();
        Fill(3);
        _trial.Write("/var/lib/qwamos/backups/ledger.db.format-1", "another's");
        for (int i = 1; i <= 5; i++)
            Assert.Equal(0, _trial.Client("backup", _trial.At($"/b{i}.db")).ExitCode);
        Eventually.True(
            () => Names() is ["backup-00000003.db", "backup-00000004.db", "backup-00000005.db", "ledger.db.format-1"],
            "the three newest are kept", () => string.Join(' ', Names()));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Folder));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(Folder, "backup-00000005.db")));
    }

    [Fact]
    public void Attack27_ExistingFileOrLink_IsNotWrittenOver()
    {
        _trial.StartDaemon();
        Fill(1);
        _trial.Write("/victim", "untouched");
        File.CreateSymbolicLink(_trial.At("/link"), _trial.At("/victim"));
        foreach (string name in (string[])["/victim", "/link"])
        {
            CommandResult refused = _trial.Client("backup", _trial.At(name));
            Assert.Equal(1, refused.ExitCode);
            Assert.Contains("exists", refused.Error);
        }
        Assert.Equal("untouched", File.ReadAllText(_trial.At("/victim")));
    }

    [Fact]
    public void Attack27_LinkInTheFoldersPlace_IsRefused_AndTheDaemonServesOn()
    {
        _trial.StartDaemon();
        Fill(1);
        Directory.Delete(Folder);
        Directory.CreateDirectory(_trial.At("/elsewhere"));
        Directory.CreateSymbolicLink(Folder, _trial.At("/elsewhere"));
        CommandResult refused = _trial.Client("backup", _trial.At("/b.db"));
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("storage_error", refused.Error);
        Assert.Empty(Directory.GetFileSystemEntries(_trial.At("/elsewhere")));
        Assert.False(File.Exists(_trial.At("/b.db")));
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
    }

    [Fact]
    public void Attack05And40_WithoutAnActiveKeysSignature_ThereIsNoBackup()
    {
        _trial.StartDaemon();
        Fill(1);
        Assert.Equal("bad_signature", _trial.Ask("""{"msg":{"command":"backup"}}"""u8).Code());
        Assert.Equal("bad_signature", _trial.Ask("""{"msg":{"command":"get_backup","args":{"name":"backup-00000001.db","offset":0}}}"""u8).Code());
        Assert.Equal("bad_signature", _trial.Ask(TestSigner.Fresh().Request(Message("backup"))).Code());
        JsonObject stale = Message("backup");
        stale["timestamp"] = TestSigner.Now - 301;
        Assert.Equal("stale", _trial.Ask(_trial.Signer.Request(stale)).Code());
        Assert.Empty(Names());

        // The last byte of a name chosen by the asker is not a path's.
        Assert.Equal("bad_request", Get("../ledger.db", 0).Code());
        Assert.Equal("bad_request", Get("/etc/passwd", 0).Code());
        Assert.Equal("bad_request", _trial.Ask(_trial.Signer.Request(Message("get_backup", """{"name":"x"}"""))).Code());
    }

    [Fact]
    public void AskingTakesNoNonce_AndPagesAreThoseOfOneFile()
    {
        _trial.StartDaemon();
        Fill(200);
        byte[] request = _trial.Signer.Request(Message("backup"));
        JsonElement begun = _trial.Ask(request);
        Assert.Equal("ok", begun.Code());
        string name = begun.GetProperty("name").GetString()!;
        Eventually.True(() => !Get(name, 0).TryGetProperty("making", out _), "it is made");
        using var whole = new MemoryStream();
        JsonElement page = Get(name, 0);
        while (page.GetProperty("data").GetString() is { Length: > 0 } data)
        {
            whole.Write(Convert.FromBase64String(data));
            page = Get(name, whole.Length);
        }
        Assert.Equal(page.GetProperty("bytes").GetInt64(), whole.Length);
        Assert.True(whole.Length > 48_000);
        Assert.Equal(page.GetProperty("sha256").GetString(), Convert.ToHexStringLower(SHA256.HashData(whole.ToArray())));
        Assert.Equal("bad_request", Get(name, whole.Length + 1).Code());
        Assert.Equal(200, _trial.Status().GetProperty("size").GetInt64());
        Assert.Equal("ok", _trial.Ask(request).Code());
    }

    [Fact]
    public void Attack09_RequestShownAgain_BeginsNoOtherBackup_AndTheOlderOnesStay()
    {
        _trial.StartDaemon();
        var requests = new List<byte[]>();
        for (int i = 0; i < 4; i++)
        {
            Fill(1);
            requests.Add(_trial.Signer.Request(Message("backup")));
            string name = _trial.Ask(requests[i]).GetProperty("name").GetString()!;
            Eventually.True(() => !Get(name, 0).TryGetProperty("making", out _), "it is made");
        }
        string[] made = ["backup-00000002.db", "backup-00000003.db", "backup-00000004.db"];
        Eventually.True(() => Names().SequenceEqual(made), "three are kept", () => string.Join(' ', Names()));
        Fill(1);
        for (int i = 0; i < 10; i++)
        {
            JsonElement again = _trial.Ask(requests[3]);
            Assert.Equal("ok", again.Code());
            Assert.Equal(4, again.GetProperty("size").GetInt64());
            Assert.Equal("backup-00000004.db", again.GetProperty("name").GetString());
            Assert.Equal("replayed", _trial.Ask(requests[0]).Code());
        }
        Assert.Equal(made, Names());
    }

    [Fact]
    public void NumbersGoOn_WhereEightDigitsEnd()
    {
        _trial.StartDaemon();
        Fill(1);
        _trial.Write("/var/lib/qwamos/backups/backup-99999999.db", "an old one");
        Assert.Equal(0, _trial.Client("backup", _trial.At("/b1.db")).ExitCode);
        Assert.Equal(0, _trial.Client("backup", _trial.At("/b2.db")).ExitCode);
        Eventually.True(
            () => Names() is ["backup-100000000.db", "backup-100000001.db", "backup-99999999.db"], "they have their numbers", () => string.Join(' ', Names()));
        Assert.Equal(0, _trial.Client("backup", _trial.At("/b3.db")).ExitCode);
        Eventually.True(() => !Names().Contains("backup-99999999.db"), "the oldest made place", () => string.Join(' ', Names()));
    }

    [Fact]
    public void Attack29_DiskFullForTheBackup_AnswersStorageFull_LeavesNothing_AndChangesGoOn()
    {
        Needs.Root();
        _trial.StartDaemon();
        Fill(30);
        Assert.Equal(0, _trial.Client("backup", _trial.At("/b.db")).ExitCode);
        long bytes = new FileInfo(_trial.At("/b.db")).Length;
        foreach (long room in (long[])[4096, bytes / 2, bytes - 4096])
        {
            Assert.SkipUnless(Command.Run(["mount", "-t", "tmpfs", "-o", $"size={room},mode=0700", "none", Folder]).ExitCode == 0, "needs permission to mount a tmpfs");
            try
            {
                CommandResult refused = _trial.Client("backup", _trial.At("/c.db"));
                Assert.Equal(1, refused.ExitCode);
                Assert.Contains("storage_full", refused.Error);
                Assert.Empty(Names());
                Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
            }
            finally
            {
                Command.Run(["umount", "-l", Folder]);
            }
        }
        Assert.Equal(0, _trial.Client("backup", _trial.At("/c.db")).ExitCode);
    }

    [Fact]
    public void Attack29_ClientWithAFullDisk_LeavesNothing()
    {
        Needs.Root();
        _trial.StartDaemon();
        Fill(30);
        string small = Directory.CreateDirectory(_trial.At("/small")).FullName;
        Assert.SkipUnless(Command.Run(["mount", "-t", "tmpfs", "-o", "size=32k", "none", small]).ExitCode == 0, "needs permission to mount a tmpfs");
        try
        {
            CommandResult refused = _trial.Client("backup", Path.Combine(small, "b.db"));
            Assert.Equal(1, refused.ExitCode);
            Assert.Contains("room", refused.Error);
            Assert.Empty(Directory.GetFileSystemEntries(small));
        }
        finally
        {
            Command.Run(["umount", "-l", small]);
        }
    }

    [Theory]
    [InlineData("write,pwrite64")]
    [InlineData("fsync")]
    [InlineData("/^rename")]
    public void Attack29_ClientKilledAtAnyStep_LeavesNoFileOfThatName_OrTheWholeOne(string call)
    {
        Needs.FaultInjection();
        _trial.StartDaemon();
        Fill(100);
        string file = _trial.At("/b.db");
        int step = 1;
        for (; step < 40; step++)
        {
            CommandResult killed = Command.Run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", $"trace={call}", "-e", $"inject={call}:signal=KILL:when={step}",
                Binaries.Client, "--root", _trial.Root, "--home", _trial.Home, "backup", file]);
            if (File.Exists(file))
            {
                Assert.Equal(0, Command.Run([Binaries.Daemon, "--root", _trial.Root, "fsck", file]).ExitCode);
                File.Delete(file);
            }
            if (killed.ExitCode == 0)
                break;
        }

        Assert.InRange(step, 2, 39);
        Assert.Equal(0, _trial.Client("backup", file).ExitCode);
        Assert.Equal([file], Directory.GetFiles(_trial.Root));
    }

    [Theory]
    [InlineData("renameat2")] // The empty file gets its temporary name.
    [InlineData("renameat")] // The whole one gets its own.
    public void Attack29_DaemonKilledWhileItMakesABackup_LeavesNoneOfThatName_AndTheNextStartClearsUp(string call)
    {
        Needs.FaultInjection();
        RunningProgram daemon = _trial.StartDaemon();
        Fill(50);
        using var tracer = RunningProgram.Start(["strace", "-f", "-p", $"{daemon.Id}", "-e", "trace=" + call, "-e", $"inject={call}:signal=KILL:when=1", "-P", Folder]);
        tracer.WaitForLog("attached");
        _trial.Client("backup", _trial.At("/b.db"));
        daemon.WaitForExit();
        Assert.DoesNotContain("backup-00000001.db", Names());
        Assert.NotEmpty(Names());
        _trial.StartDaemon();
        Assert.Empty(Names());
        Assert.Equal(50, _trial.Status().GetProperty("size").GetInt64());
    }

    private JsonElement Get(string name, long offset) =>
        _trial.Ask(_trial.Signer.Request(Message("get_backup", $"{{\"name\":\"{name}\",\"offset\":{offset}}}")));

    private static JsonObject Message(string command, string? args = null)
    {
        var message = new JsonObject { ["command"] = command, ["nonce"] = TestSigner.FreshNonce(), ["timestamp"] = TestSigner.Now };
        if (args is not null)
            message["args"] = JsonNode.Parse(args);
        return message;
    }

    private string[] Names() => [.. Directory.GetFileSystemEntries(Folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    private void Fill(int count)
    {
        using BusClient client = _trial.Connect();
        for (int i = 0; i < count; i++)
            Assert.Equal("ok", client.Ask(_trial.Signer.SetPolicy($"{{\"RADIO_IDLE_TIMEOUT_MIN\":{i}}}")).Code());
    }

    private void Load(CancellationToken stop, ref long written)
    {
        using BusClient client = _trial.Connect();
        for (int i = 0; !stop.IsCancellationRequested; i++)
        {
            Assert.Equal("ok", client.Ask(_trial.Signer.SetPolicy($"{{\"RADIO_IDLE_TIMEOUT_MIN\":{i % 900}}}")).Code());
            Interlocked.Increment(ref written);
        }
    }
}
