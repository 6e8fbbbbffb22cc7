using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>ATTACK 29: errors of the disk injected into the running daemon's system calls, and a disk that is really full.</summary>
public sealed class FaultInjectionTests : IDisposable
{
    private const int FillRequests = 600;
    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Theory]
    [InlineData("fdatasync,fsync", "EIO")]
    [InlineData("fdatasync,fsync", "ENOSPC")]
    public void Attack29_FailedSync_AnswersStorageError_AndEndsTheDaemon(string calls, string error)
    {
        Needs.FaultInjection();
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        WaitForProjection("\"size\":1");
        using RunningProgram tracer = Inject(daemon, calls, error);
        byte[] request = _trial.Signer.SetPolicy("""{"VPN_KILL_SWITCH":"on"}""");
        Assert.Equal("storage_error", _trial.Ask(request).Code());
        Assert.NotEqual(0, daemon.WaitForExit());

        _trial.StartDaemon();
        Assert.Equal("off", _trial.Status().Policy("RADIO_ISOLATION"));
        AssertWhollyOldOrNew(request);
    }

    [Fact]
    public void Attack29_StopWhileTheDiskIsSlow_RecordsAndAnswers_OrNeither()
    {
        Needs.FaultInjection();
        RunningProgram daemon = _trial.StartDaemon();
        // Longer than what a stop gives to requests in flight.
        using RunningProgram tracer = Attach(daemon, "fdatasync,fsync", [], "delay_enter=1500000");
        using BusClient client = _trial.Connect();
        // The status is answered at once, and by then the change behind it was read, too.
        client.Send([.. """{"msg":{"command":"get_status"}}"""u8, .. _trial.Signer.SetPolicy("""{"VPN_KILL_SWITCH":"on"}""")]);
        Assert.Equal("ok", client.Read().Code());
        Assert.Equal(0, daemon.Stop());
        bool isAnswered = client.ReadLine() is not null;

        _trial.StartDaemon();
        Assert.Equal(isAnswered, _trial.Status().Policy("VPN_KILL_SWITCH") == "on");
    }

    [Theory]
    [InlineData("pwrite64,write")]
    public void Attack29_DiskFullOnWrite_AnswersStorageFull_ReadsGoOn_AndServiceResumes(string calls)
    {
        Needs.FaultInjection();
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        WaitForProjection("\"size\":1");
        byte[] request = _trial.Signer.SetPolicy("""{"VPN_KILL_SWITCH":"on"}""");
        using (RunningProgram tracer = Inject(daemon, calls, "ENOSPC", _trial.LedgerFile + "-wal"))
        {
            Assert.Equal("storage_full", _trial.Ask(request).Code());
            Assert.Equal("off", _trial.Status().Policy("RADIO_ISOLATION"));
            Detach(tracer);
        }

        Assert.Equal("ok", _trial.Ask(request).Code());
        Assert.Equal("on", _trial.Status().Policy("VPN_KILL_SWITCH"));
        Assert.False(daemon.HasExited);
    }

    [Fact]
    public void Attack29_WriteErrorOfTheLedger_AnswersStorageError_AndEndsTheDaemon()
    {
        Needs.FaultInjection();
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        WaitForProjection("\"size\":1");
        using RunningProgram tracer = Inject(daemon, "pwrite64", "EIO", _trial.LedgerFile + "-wal");
        byte[] request = _trial.Signer.SetPolicy("""{"VPN_KILL_SWITCH":"on"}""");
        Assert.Equal("storage_error", _trial.Ask(request).Code());
        Assert.NotEqual(0, daemon.WaitForExit());
        _trial.StartDaemon();
        AssertWhollyOldOrNew(request);
    }

    [Fact]
    public void Attack29_DiskFullWhileTheWalIsFoldedIn_OnlyPutsItOff()
    {
        Needs.FaultInjection();
        RunningProgram daemon = _trial.StartDaemon();
        // Three times, then no more: a tracer that lets go in the middle of a call that it makes fail leaves it another error.
        using (RunningProgram tracer = Inject(daemon, "pwrite64", "ENOSPC:when=1..3", _trial.LedgerFile))
        {
            List<JsonElement> answers = FillTheWal();
            Assert.True(answers.Count == FillRequests, daemon.Log);
            Assert.All(answers, answer => Assert.Equal("ok", answer.Code()));
            Eventually.True(() => tracer.Log.Split("(INJECTED)").Length == 4, "three writes have failed", () => tracer.Log);
            Detach(tracer);
        }

        Assert.Equal("ok", _trial.Set("VPN_KILL_SWITCH", "\"on\"").Code());
        Assert.Equal(0, daemon.Stop());
        Assert.False(File.Exists(_trial.LedgerFile + "-wal"));
        _trial.StartDaemon();
        Assert.Equal("on", _trial.Status().Policy("VPN_KILL_SWITCH"));
    }

    [Theory]
    [InlineData("pwrite64")]
    [InlineData("fdatasync,fsync")]
    public void Attack29_ErrorWhileTheWalIsFoldedIn_EndsTheDaemon_AndLosesNothing(string calls)
    {
        Needs.FaultInjection();
        RunningProgram daemon = _trial.StartDaemon();
        using RunningProgram tracer = Inject(daemon, calls, "EIO", _trial.LedgerFile);
        List<JsonElement> answers = FillTheWal();
        Assert.NotEqual(0, daemon.WaitForExit());
        int accepted = answers.Count(answer => answer.Code() == "ok");
        Assert.True(accepted > 0, tracer.Log);
        _trial.StartDaemon();
        Assert.InRange(_trial.Status().GetProperty("size").GetInt64(), accepted, FillRequests);
    }

    [Theory]
    [InlineData("rename,renameat,renameat2", "EIO")]
    [InlineData("rename,renameat,renameat2", "ENOSPC")]
    [InlineData("fsync", "EIO")]
    public void Attack29_ProjectionThatCannotBeWritten_LeavesTheChangeStanding_IsShown_AndRetried(string calls, string error)
    {
        Needs.FaultInjection();
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        WaitForProjection("\"size\":1");
        string[] only = calls == "fsync" ? ["-P", _trial.At("/var/lib/qwamos")] : [];
        using (RunningProgram tracer = Inject(daemon, calls, error, only: only))
        {
            Assert.Equal("ok", _trial.Set("VPN_KILL_SWITCH", "\"on\"").Code());
            Eventually.True(() => _trial.Status().GetProperty("projections").ToString() != "ok", "status shows that projections fail", () => daemon.Log);
            Detach(tracer);
        }

        WaitForProjection("\"size\":2");
        Eventually.True(() => _trial.Status().GetProperty("projections").ToString() == "ok", "the projections are written again");
    }

    [Fact]
    public void Attack29_ReallyFullDisk_AnswersStorageFull_AndServiceResumesWithoutARestart()
    {
        Needs.Root();
        string state = _trial.At("/var/lib/qwamos");
        Directory.CreateDirectory(state);
        Assert.SkipUnless(Command.Run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0750", "none", state]).ExitCode == 0, "needs permission to mount a tmpfs");
        try
        {
            RunningProgram daemon = _trial.StartDaemon();
            Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
            string filler = Path.Combine(state, "filler");
            Command.Run(["dd", "if=/dev/zero", "of=" + filler, "bs=4k"]);
            string code = "ok";
            for (int i = 0; i < 2_000 && code == "ok"; i++)
                code = _trial.Set("RADIO_IDLE_TIMEOUT_MIN", $"{i % 900}").Code();
            Assert.Equal("storage_full", code);
            Assert.Equal("ok", _trial.Status().Code());
            File.Delete(filler);
            Assert.Equal("ok", _trial.Set("VPN_KILL_SWITCH", "\"on\"").Code());
            Eventually.True(() => File.ReadAllText(_trial.StatusFile).Contains("VPN_KILL_SWITCH", StringComparison.Ordinal), "the projection follows");
            Assert.Equal(0, daemon.Stop());
            _trial.StartDaemon();
            Assert.Equal("on", _trial.Status().Policy("VPN_KILL_SWITCH"));
            _trial.Ask(_trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"on"}"""));
        }
        finally
        {
            Command.Run(["umount", "-l", state]);
        }
    }

    // One request a commit, so that each writes pages of its own: enough for the writer to fold the WAL into the database.
    private List<JsonElement> FillTheWal()
    {
        TestSigner signer = _trial.Signer;
        var answers = new List<JsonElement>();
        for (int i = 0; i < FillRequests; i++)
        {
            try
            {
                answers.Add(_trial.Ask(signer.SetPolicy($"{{\"RADIO_IDLE_TIMEOUT_MIN\":{i}}}")));
            }
            catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
            {
                // The daemon has ended, or ends with this request unanswered.
                break;
            }
        }

        return answers;
    }

    private static RunningProgram Inject(RunningProgram daemon, string calls, string error, string? path = null, string[]? only = null) =>
        Attach(daemon, calls, only ?? (path is null ? [] : ["-P", path]), "error=" + error);

    private static RunningProgram Attach(RunningProgram daemon, string calls, string[] only, string what)
    {
        var tracer = RunningProgram.Start(["strace", "-f", "-p", $"{daemon.Id}", .. only, "-e", "trace=" + calls, "-e", $"inject={calls}:{what}"]);
        tracer.WaitForLog("attached");
        return tracer;
    }

    private static void Detach(RunningProgram tracer)
    {
        tracer.Signal(RunningProgram.SigTerm);
        tracer.WaitForExit();
    }

    private void WaitForProjection(string text) => Eventually.True(
        () => File.Exists(_trial.StatusFile) && File.ReadAllText(_trial.StatusFile).Contains(text, StringComparison.Ordinal), $"status.json contains {text}");

    private void AssertWhollyOldOrNew(byte[] request)
    {
        JsonElement again = _trial.Ask(request);
        Assert.Contains(again.Code(), new[] { "ok", "replayed" });
        Assert.Equal("on", _trial.Status().Policy("VPN_KILL_SWITCH"));
        using var projection = JsonDocument.Parse(JsonSerializer.Serialize(_trial.Status()));
        Assert.Equal("ok", projection.RootElement.Code());
    }
}
