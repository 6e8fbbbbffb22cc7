using System.Text.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>
/// ATTACK 29: the power fails at every write boundary of a run (<see cref="PowerCutRun"/>), and where the disk had written only some of what it was
/// not yet told to flush. Each image is mounted, checked as it is, booted and started.
/// </summary>
public sealed class PowerCutTests : IDisposable
{
    private const int ReorderingsPerFlush = 2;
    private const int SectorBytes = 512;
    private const int Seed = 20260101;
    private const string GatewayFolder = "/var/lib/qwamos-gateway";
    private const string GatewayLedger = GatewayFolder + "/accepted.db";

    private readonly MemoryFolder _memory;
    private readonly Dictionary<string, long> _seen = [];
    private readonly Dictionary<string, long> _seenOfGateway = [];
    private byte[][] _roots = [];
    private byte[][] _gatewayRoots = [];

    private string Home => Path.Combine(_memory.Path, "home");

    public PowerCutTests()
    {
        LoggedDisk.Need();
        _memory = new MemoryFolder();
    }

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void Attack29_PowerCutAtEveryWrite_EachImageOpens_IsSound_AndHasWhatWasAcknowledged()
    {
        using var disk = new LoggedDisk(_memory.Path);
        PowerCutRun run;
        using (var trial = new Trial(disk.MountPoint, Home))
        {
            run = new PowerCutRun(disk, trial);
            run.Live();
        }

        WriteLog log = disk.End();
        ReadRoots(log, disk.Before);
        int boundaries = CutAtEachWrite(log, disk.Before, run);
        int reordered = CutWithWritesMissing(log, disk.Before, run);
        TestContext.Current.SendDiagnosticMessage(
            $"{boundaries} write boundaries and {reordered} cuts with unflushed writes missing; {_seen.Count} and {_seenOfGateway.Count} different states after recovery; "
            + $"{run.Acknowledged.Count} answers of the daemon, {run.AcknowledgedByGateway.Count} of the gateway");
        // Cuts that all led to a few states would have tested little.
        Assert.True(_seen.Values.Distinct().Count() > 10, "the cuts fell on too few states");
        Assert.True(_seenOfGateway.Values.Distinct().Count() > run.AcknowledgedByGateway.Count, "the cuts fell on too few states of the gateway");
    }

    private int CutAtEachWrite(WriteLog log, byte[] before, PowerCutRun run)
    {
        byte[] image = [.. before];
        int cuts = 0;
        for (int i = 0; i < log.Entries.Count; i++)
        {
            log.Apply(log.Entries[i], image);
            if (IsCut(i + 1, run, log))
            {
                Check(image, i + 1, $"after write {i + 1} of {log.Entries.Count}", run, log);
                cuts++;
            }
        }

        return cuts;
    }

    /// <summary>A disk may write what it holds in any order until it is told to flush: a random part of it, and half of one write.</summary>
    private int CutWithWritesMissing(WriteLog log, byte[] before, PowerCutRun run)
    {
        var random = new Random(Seed);
        byte[] flushed = [.. before];
        int cuts = 0;
        for (int start = 0, end; start < log.Entries.Count; start = end + 1)
        {
            for (end = start; end < log.Entries.Count - 1 && !log.Entries[end].IsFlush;)
                end++;
            for (int i = 0; i < ReorderingsPerFlush && end - start > 1 && IsCut(start, run, log) && IsCut(end, run, log); i++, cuts++)
                Check(WithWritesMissing(log, flushed, start, end, random), start, $"with some of the writes {start + 1} to {end}, seed {Seed}, part {i}", run, log);
            for (int i = start; i <= end; i++)
                log.Apply(log.Entries[i], flushed);
        }

        return cuts;
    }

    private static byte[] WithWritesMissing(WriteLog log, byte[] flushed, int start, int end, Random random)
    {
        byte[] image = [.. flushed];
        int torn = random.Next(start, end);
        for (int i = start; i < end; i++)
        {
            LoggedWrite write = log.Entries[i];
            if (i == torn)
                log.Apply(write, image, random.Next(write.Length / SectorBytes) * SectorBytes);
            else if (random.Next(2) == 0)
                log.Apply(write, image);
        }

        return image;
    }

    private static bool IsCut(int position, PowerCutRun run, WriteLog log) =>
        (position >= log.Marks[run.Begin] && position < log.Marks[run.Filling.From]) || position >= log.Marks[run.Filling.To];

    /// <summary>What was found with the same files once needs no second look.</summary>
    private void Check(byte[] image, int position, string where, PowerCutRun run, WriteLog log)
    {
        using var mounted = new MountedImage(_memory.Path, image);
        using var trial = new Trial(mounted.MountPoint, Home);
        long size = Seen(_seen, mounted.Digest(GatewayFolder, isBelow: false), () =>
        {
            long size = AssertSound(trial, trial.LedgerFile, _roots, where);
            AssertBootsAndStarts(trial, run.States, size, where);
            return size;
        });
        AssertHas(run.Acknowledged, log, position, size, where);
        size = Seen(_seenOfGateway, mounted.Digest(GatewayFolder, isBelow: true), () =>
        {
            long size = AssertSound(trial, trial.At(GatewayLedger), _gatewayRoots, where);
            AssertGatewayStarts(trial, size, where);
            return size;
        });
        AssertHas(run.AcknowledgedByGateway, log, position, size, "gateway, " + where);
    }

    private static long Seen(Dictionary<string, long> seen, string files, Func<long> look) => seen.TryGetValue(files, out long size) ? size : seen[files] = look();

    /// <summary>As it is found, before any program of ours has mended it. Gives its size; a ledger whose making was cut has none.</summary>
    private static long AssertSound(Trial trial, string ledger, byte[][] roots, string where)
    {
        if (!File.Exists(ledger))
            return 0;
        string[] which = ledger == trial.LedgerFile ? [] : [ledger];
        CommandResult fsck = Command.Run([Binaries.Daemon, "fsck", "--root", trial.Root, "-o", "json", .. which]);
        Assert.True(fsck.ExitCode == 0, $"{where}: {fsck.Output}{fsck.Error}");
        using var found = JsonDocument.Parse(fsck.Output);
        long size = found.RootElement.GetProperty("entries").GetInt64();
        // The root over them says that each is, byte for byte, what the undisturbed run has there.
        Assert.True(Convert.ToHexStringLower(roots[size]) == found.RootElement.GetProperty("root").GetString(), $"{where}: these are not the first {size} entries");
        return size;
    }

    private static void AssertBootsAndStarts(Trial trial, List<PolicyModel> states, long size, string where)
    {
        CommandResult boot = trial.ApplyPending();
        Assert.True(boot.ExitCode == 0, $"{where}: {boot.Error}");
        using RunningProgram daemon = trial.StartDaemon();
        PolicyModel expected = states[(int)size].Clone();
        expected.Boot();
        using var projection = JsonDocument.Parse(File.ReadAllBytes(trial.StatusFile));
        Assert.Equal((where, expected.Shown), (where, PolicyModel.ShownBy(trial.Status())));
        Assert.Equal((where, expected.Shown), (where, PolicyModel.ShownBy(projection.RootElement)));
        Assert.Equal((where, expected.PendingLines), (where, PolicyModel.LinesOf(trial.PendingFile)));
        Assert.Empty(Directory.EnumerateFiles(trial.At("/var/lib/qwamos"), "*.tmp"));
        Assert.Equal("ok", trial.Set("RADIO_ISOLATION", "\"on\"").Code());
        daemon.Kill9();
    }

    private static void AssertGatewayStarts(Trial trial, long size, string where)
    {
        using RunningProgram gateway = trial.StartGateway();
        JsonElement status = trial.Ask("""{"msg":{"command":"get_status"}}"""u8, trial.GatewaySocket);
        Assert.Equal((where, size), (where, status.GetProperty("size").GetInt64()));
        Assert.True(status.Policy("RADIO_ISOLATION") == status.Policy("VPN_KILL_SWITCH"), $"{where}: half of a change is in force at the gateway: {status}");
        using var projection = JsonDocument.Parse(File.ReadAllBytes(trial.At(GatewayFolder + "/status.json")));
        Assert.Equal((where, PolicyModel.ShownBy(status)), (where, PolicyModel.ShownBy(projection.RootElement)));
        gateway.Kill9();
    }

    /// <summary>The roots of both ledgers at each of their sizes, from the disk as the run left it.</summary>
    private void ReadRoots(WriteLog log, byte[] before)
    {
        byte[] image = [.. before];
        foreach (LoggedWrite write in log.Entries)
            log.Apply(write, image);
        using var mounted = new MountedImage(_memory.Path, image);
        _roots = Roots(mounted.At("/var/lib/qwamos/ledger.db"));
        _gatewayRoots = Roots(mounted.At(GatewayLedger));
    }

    private static byte[][] Roots(string ledger)
    {
        using LedgerStore store = LedgerStore.Open(ledger, LedgerOpenMode.ReadOnly);
        var tree = new MerkleTree();
        List<byte[]> roots = [tree.Root()];
        foreach (LedgerRow row in store.ReadFrom(0))
        {
            tree.Append(MerkleTree.LeafHash(row.Leaf));
            roots.Add(tree.Root());
        }

        return [.. roots];
    }

    private static void AssertHas(List<(int Mark, long Size)> acknowledged, WriteLog log, int position, long size, string where)
    {
        long known = acknowledged.LastOrDefault(answer => log.Marks[answer.Mark] <= position).Size;
        Assert.True(size >= known, $"{where}: entry {known - 1} was acknowledged and is lost: the ledger has {size} entries");
    }
}
