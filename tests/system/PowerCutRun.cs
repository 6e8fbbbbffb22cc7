using System.Text.Json;
using System.Text.Json.Nodes;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>
/// A life of a system on a disk that logs its writes: first start, changes alone and in bursts, refusals, the WAL folded in while running, kill
/// and recovery, clean stop with snapshot, boot, import of its notes; a gateway beside it. What was acknowledged is kept with the place of the log
/// at which its sender knew.
/// </summary>
internal sealed class PowerCutRun(LoggedDisk disk, Trial trial)
{
    // Of the thousand pages after which the writer folds the WAL in, those that the run writes before its cuts begin again.
    private const int WalBytesBeforeTheFold = 960 * 4_120;
    private const int FoldRequests = 200;

    private readonly PolicyModel _model = new();
    private int _idle;

    /// <summary>Entries acknowledged, by the mark written after the answer; in order.</summary>
    public List<(int Mark, long Size)> Acknowledged { get; } = [];

    /// <summary>The same for the gateway's record.</summary>
    public List<(int Mark, long Size)> AcknowledgedByGateway { get; } = [];

    /// <summary>What the policy must be with so many entries in the ledger.</summary>
    public List<PolicyModel> States { get; } = [new()];

    /// <summary>The mark written when the machine was set up and synced.</summary>
    public int Begin { get; private set; }

    /// <summary>Writes that only fill the WAL, between two marks: they are not cut.</summary>
    public (int From, int To) Filling { get; private set; }

    public void Live()
    {
        trial.Enroll();
        Assert.Equal(0, Command.Run(["sync", "-f", disk.MountPoint]).ExitCode);
        Begin = disk.Mark();
        trial.StartGateway();
        RunningProgram daemon = trial.StartDaemon();
        Change("""{"RADIO_ISOLATION":"off","VPN_KILL_SWITCH":"off"}""");
        WaitForProjections();
        Burst("""{"TOR_ISOLATION":"mandatory"}""", """{"KERNEL_HARDENING":"strict","BOOT_VERIFICATION":"strict"}""", """{"RADIO_ISOLATION":"on","VPN_KILL_SWITCH":"on"}""");
        Change("""{"RADIO_IDLE_TIMEOUT_MIN":1000}""", code: "invalid_policy");
        Change("""{"DURESS.enabled":true}""");
        WaitForProjections();
        Change("""{"CLIPBOARD_ISOLATION":"strict"}""", isStaged: true);
        AtGateway("""{"RADIO_ISOLATION":"off","VPN_KILL_SWITCH":"off"}""");
        AtGateway("""{"RADIO_IDLE_TIMEOUT_MIN":7}""");

        FillTheWal();
        FoldTheWal();
        WaitForProjections();
        daemon.Kill9();

        daemon = trial.StartDaemon();
        Burst("""{"BOOT_VERIFICATION":"off"}""", """{"RADIO_ISOLATION":"off","VPN_KILL_SWITCH":"off"}""");
        WaitForProjections();
        Assert.Equal(0, daemon.Stop());
        Assert.Equal(0, trial.ApplyPending().ExitCode);

        daemon = trial.StartDaemon();
        _model.Boot();
        States.Add(_model.Clone());
        Change("""{"CRYPTO_BACKEND":"hybrid"}""");
        AtGateway("""{"RADIO_ISOLATION":"on","VPN_KILL_SWITCH":"on"}""");
        WaitForProjections();
        Assert.Equal(0, daemon.Stop());
    }

    private void Change(string args, bool isStaged = false, string code = "ok")
    {
        JsonObject draft = TestSigner.Draft(args);
        if (isStaged)
            draft["mode"] = "staged";
        JsonElement answer = trial.Ask(trial.Signer.Request(draft));
        Assert.Equal(code, answer.Code());
        Expect(args, isStaged, code == "ok");
        Acknowledged.Add((disk.Mark(), States.Count - 1));
    }

    /// <summary>Sent in one write, so that the writer may take some of them in one commit.</summary>
    private void Burst(params string[] changes)
    {
        using BusClient client = trial.Connect();
        client.Send(changes.SelectMany(args => trial.Signer.SetPolicy(args)).ToArray());
        foreach (string args in changes)
        {
            Assert.Equal("ok", client.Read().Code());
            Expect(args, isStaged: false, isAccepted: true);
            Acknowledged.Add((disk.Mark(), States.Count - 1));
        }
    }

    private void AtGateway(string args)
    {
        JsonElement answer = trial.Ask(trial.Signer.SetPolicy(args), trial.GatewaySocket);
        Assert.Equal("ok", answer.Code());
        AcknowledgedByGateway.Add((disk.Mark(), answer.GetProperty("index").GetInt64() + 1));
    }

    private void Expect(string args, bool isStaged, bool isAccepted)
    {
        using var document = JsonDocument.Parse(args);
        if (isAccepted)
            _model.Change(document.RootElement, isStaged);
        States.Add(_model.Clone());
    }

    private void FillTheWal()
    {
        int from = disk.Mark();
        while (new FileInfo(trial.LedgerFile + "-wal").Length < WalBytesBeforeTheFold)
            Change($"{{\"RADIO_IDLE_TIMEOUT_MIN\":{++_idle % 1_000}}}");
        WaitForProjections();
        Filling = (from, disk.Mark());
    }

    private void FoldTheWal()
    {
        long before = new FileInfo(trial.LedgerFile).Length;
        for (int i = 0; new FileInfo(trial.LedgerFile).Length == before; i++)
        {
            Assert.True(i < FoldRequests, "the WAL is never folded in");
            Change($"{{\"RADIO_IDLE_TIMEOUT_MIN\":{++_idle % 1_000}}}");
        }

        // The WAL is written over from its start: its newest frames stand before old ones.
        Change("""{"RADIO_HARDENING.level":"strict"}""");
        Change("""{"KERNEL_HARDENING":"paranoid","CRYPTO_BACKEND":"legacy"}""");
    }

    private void WaitForProjections() => Eventually.True(
        () => File.Exists(trial.StatusFile) && File.ReadAllText(trial.StatusFile).Contains($"\"size\":{States.Count - 1},", StringComparison.Ordinal),
        $"status.json shows entry {States.Count - 1}");
}
