using System.Globalization;
using System.Text;
using Microsoft.Data.Sqlite;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>
/// ATTACK 30: bytes of the database, its write-ahead log, the kept checkpoint, an export and a proof are changed at random and in their structure. Each
/// change is found by the published programs with its place, or the ledger's entries are bit for bit what they were and the report says what it did
/// not judge. <c>QWAMOS_CORRUPTION_ROUNDS</c> sets the number of changed bytes, of which a fifth is the number of changed structures;
/// <c>QWAMOS_CORRUPTION_SEED</c> repeats a run.
/// </summary>
public sealed class CorruptionTests : IDisposable
{
    private const int DefaultRounds = 1_000;
    private const int RoundsAStructure = 5;
    private const int DefaultSeed = 20260101;
    private const int ExportsAnew = 3;
    private const int PageBytes = 4_096;
    private const int LogHeadBytes = 32;
    private const int FrameBytes = 24 + PageBytes;
    private const int HashBytes = 32;

    private readonly CorruptionRun _run = new();
    private readonly OtherLedgerKey _otherKey = new();
    private readonly int _seed = FromEnvironment("QWAMOS_CORRUPTION_SEED", DefaultSeed);
    private readonly int _rounds = FromEnvironment("QWAMOS_CORRUPTION_ROUNDS", DefaultRounds);
    private readonly Random _random;
    private readonly Corruption _corruption;
    private int _caught;
    private int _harmless;
    private int _exported;

    public CorruptionTests()
    {
        _random = new Random(_seed);
        _corruption = new Corruption(_random);
    }

    public void Dispose() => _run.Dispose();

    [Fact]
    public void Attack30_ChangedBytes_AreEachFound_OrLeaveEveryEntryAsItWas()
    {
        AssertSoundAsItIs();
        for (int round = 0; round < _rounds; round++)
        {
            string where = $"round {round}, seed {_seed}";
            switch (round % 10)
            {
                case < 3:
                    Judge(_run.Stopped, _run.Ledger, _corruption.Flip(_run.Stopped[_run.Ledger]), where);
                    break;
                case < 5:
                    Judge(_run.Killed, _run.Ledger, _corruption.Flip(_run.Killed[_run.Ledger]), where);
                    break;
                case 5:
                    Judge(_run.Killed, _run.Log, _corruption.Flip(_run.Killed[_run.Log]), where);
                    break;
                case 6:
                    Judge(_run.Stopped, _run.Checkpoint, _corruption.Flip(_run.Stopped[_run.Checkpoint]), where);
                    break;
                case < 9:
                    string file = AnyExported();
                    JudgeExport(file, _corruption.Flip(_run.Exported[file]).Bytes, where);
                    break;
                default:
                    byte[] proof = File.ReadAllBytes(_run.Proof);
                    JudgeProof(proof, _corruption.Flip(proof), where);
                    break;
            }
        }

        TestContext.Current.SendDiagnosticMessage($"{_rounds} changed bytes, seed {_seed}: {_caught} found, {_harmless} in what holds nothing");
        Assert.Equal(_rounds, _caught + _harmless);
    }

    [Fact]
    public void Attack30_ChangedStructures_AreEachFound_OrLeaveEveryEntryAsItWas()
    {
        AssertSoundAsItIs();
        int rounds = _rounds / RoundsAStructure;
        for (int round = 0; round < rounds; round++)
        {
            string where = $"round {round}, seed {_seed}";
            switch (round % 10)
            {
                case 0:
                    JudgeUnits(_run.Stopped, _run.Ledger, bytes => Corruption.Blocks(bytes, PageBytes), where);
                    break;
                case 1:
                    JudgeUnits(_run.Killed, _run.Ledger, bytes => Corruption.Blocks(bytes, PageBytes), where);
                    break;
                case 2:
                    JudgeUnits(_run.Killed, _run.Log, bytes => Corruption.Blocks(bytes, FrameBytes, LogHeadBytes), where);
                    break;
                case 3:
                    JudgeUnits(_run.Stopped, _run.Checkpoint, Corruption.Lines, where);
                    break;
                case 4:
                    JudgeRows(where);
                    break;
                case 5:
                    JudgeSignedAgain(round, where);
                    break;
                case < 8:
                    RestructureExport(where);
                    break;
                default:
                    byte[] proof = File.ReadAllBytes(_run.Proof);
                    (byte[] changed, string what) = round % 20 == 8 ? (Resigned(proof), "signed by another key") : _corruption.Restructure(proof, Corruption.Lines(proof));
                    JudgeProof(proof, (changed, -1), $"{where}: {what}");
                    break;
            }
        }

        TestContext.Current.SendDiagnosticMessage($"{rounds} changed structures, seed {_seed}: {_caught} found, {_harmless} that say the same");
        Assert.Equal(rounds, _caught + _harmless);
    }

    [Fact]
    public void Attack30_DamagedFrameOfTheWriteAheadLog_EndsIt_AndTheKeptCheckpointMissesWhatCameAfter()
    {
        byte[] log = [.. _run.Killed[_run.Log]];
        log[LogHeadBytes + FrameBytes + 100] ^= 1;
        _run.Put(_run.Killed, _run.Log, log);
        CommandResult fsck = _run.Fsck();
        Assert.Equal(1, fsck.ExitCode);
        Assert.Contains("were seen before", fsck.Output);
        // Without the checkpoint beside it, it is a shorter ledger, and sound: the report says that the log's end was not judged.
        CommandResult alone = _run.Fsck(_run.Ledger);
        Assert.Equal(0, alone.ExitCode);
        Assert.Contains("write-ahead log after the last whole transaction", alone.Output);
        using RunningProgram daemon = _run.StartDaemon();
        Assert.NotEqual(0, daemon.WaitForExit());
        Assert.Contains("were seen before", daemon.Log);
    }

    private static int FromEnvironment(string name, int otherwise) =>
        int.Parse(Environment.GetEnvironmentVariable(name) ?? $"{otherwise}", CultureInfo.InvariantCulture);

    /// <summary>Else everything would be found.</summary>
    private void AssertSoundAsItIs()
    {
        foreach (Dictionary<string, byte[]> state in (Dictionary<string, byte[]>[])[_run.Killed, _run.Stopped])
        {
            _run.Put(state);
            CommandResult fsck = _run.Fsck();
            Assert.True(fsck.ExitCode == 0, fsck.Output + fsck.Error);
            Assert.Contains("0 are of other keys", fsck.Output);
            Assert.Equal(_run.Leaves, _run.ReadLeaves());
        }

        CommandResult export = _run.VerifyExport();
        Assert.True(export.ExitCode == 0, export.Output + export.Error);
        CommandResult proof = _run.CheckProof();
        Assert.True(proof.ExitCode == 0, proof.Output + proof.Error);
    }

    private void Judge(Dictionary<string, byte[]> state, string path, (byte[] Bytes, int At) changed, string where) =>
        Judge(state, path, changed.Bytes, $"{where}: byte {changed.At} of {Path.GetFileName(path)}");

    private void JudgeUnits(Dictionary<string, byte[]> state, string path, Func<byte[], List<Range>> units, string where)
    {
        (byte[] bytes, string what) = _corruption.Restructure(state[path], units(state[path]));
        Judge(state, path, bytes, $"{where}: {what} in {Path.GetFileName(path)}");
    }

    private void Judge(Dictionary<string, byte[]> state, string path, byte[] bytes, string where)
    {
        _run.Put(state, path, bytes);
        JudgeLedger(where);
    }

    private void JudgeLedger(string where)
    {
        CommandResult fsck = _run.Fsck();
        if (IsFound(fsck, where))
        {
            Assert.True(fsck.Output.StartsWith($"{_run.Ledger} is not sound: ", StringComparison.Ordinal), $"{where}: {fsck.Output}{fsck.Error}");
            return;
        }

        Assert.True(fsck.Output.Contains("Not judged: ", StringComparison.Ordinal), $"{where}: {fsck.Output}");
        Assert.True(_run.Leaves.SequenceEqual(_run.ReadLeaves()), $"{where}: said to be sound, and its entries are others");
        if (_exported++ >= ExportsAnew)
            return;
        foreach ((string file, byte[] content) in _run.ExportAnew())
            Assert.True(content.AsSpan().SequenceEqual(_run.Exported[file]), $"{where}: said to be sound, and {file} of its export is another");
    }

    /// <summary>Rows swapped, dropped or doubled by somebody with an editor for databases, the sizes made to fit.</summary>
    private void JudgeRows(string where)
    {
        _run.Put(_run.Stopped);
        int one = _random.Next(_run.Leaves.Count - 1), other = _random.Next(one + 1, _run.Leaves.Count);
        string sql = _random.Next(3) switch
        {
            0 => $"UPDATE entries SET idx = -1 WHERE idx = {one}; UPDATE entries SET idx = {one} WHERE idx = {other}; UPDATE entries SET idx = {other} WHERE idx = -1",
            1 => $"DELETE FROM entries WHERE idx = {one}; UPDATE tree SET size = size - 1",
            _ => $"INSERT INTO entries SELECT {_run.Leaves.Count}, leaf_hash, NULL, leaf FROM entries WHERE idx = {one}; UPDATE tree SET size = size + 1",
        };
        using (var connection = new SqliteConnection($"Data Source={_run.Ledger};Pooling=False"))
        {
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = sql;
            command.ExecuteNonQuery();
        }

        JudgeLedger($"{where}: {sql}");
    }

    private void JudgeSignedAgain(int round, string where)
    {
        if (round % 20 == 5)
        {
            string[] kept = Encoding.UTF8.GetString(_run.Stopped[_run.Checkpoint]).Split('\n', 2);
            string again = _otherKey.VerifierKey(kept[1].Split('\n')[0]) + "\n" + _otherKey.Resign(kept[1]);
            Judge(_run.Stopped, _run.Checkpoint, Encoding.UTF8.GetBytes(again), $"{where}: the kept checkpoint signed by another key");
            return;
        }

        // Whole again in itself, so the signature or the checkpoint that was kept must tell. Every eighth change from the first on is a plain one.
        bool isNamed = _random.Next(2) == 0;
        byte[] bytes = _run.SignedAgain(8 * _random.Next(5), isNamed);
        Judge(_run.Stopped, _run.Ledger, bytes, $"{where}: an entry signed by another key, which it {(isNamed ? "names" : "does not name")}");
    }

    private string AnyExported() => _run.Exported.Keys.ElementAt(_random.Next(_run.Exported.Count));

    private void RestructureExport(string where)
    {
        string file = AnyExported();
        byte[] original = _run.Exported[file];
        bool isCheckpoint = file.EndsWith("/checkpoint", StringComparison.Ordinal);
        (byte[] changed, string what) = isCheckpoint && _random.Next(2) == 0
            ? (Encoding.UTF8.GetBytes(_otherKey.Resign(Encoding.UTF8.GetString(original))), "signed by another key")
            : _corruption.Restructure(original, isCheckpoint ? Corruption.Lines(original) : Corruption.Blocks(original, HashBytes));
        JudgeExport(file, changed, $"{where}: {what}");
    }

    private void JudgeExport(string file, byte[] changed, string where)
    {
        File.WriteAllBytes(file, changed);
        CommandResult verified = _run.VerifyExport();
        File.WriteAllBytes(file, _run.Exported[file]);
        where = $"{where} in {file}";
        // A changed hash of a leaf is told as its entry's, in the bundle beside it.
        if (IsFound(verified, where))
            Assert.True(_run.Exported.Keys.Any(each => verified.Error.Contains($"not sound: {Path.GetRelativePath(_run.Export, each)}: ", StringComparison.Ordinal)), $"{where}: its place is not said: {verified.Error}");
        else
            Assert.True(SaysTheSame(_run.Exported[file], changed), $"{where}: said to be sound");
    }

    private void JudgeProof(byte[] original, (byte[] Bytes, int At) changed, string where)
    {
        File.WriteAllBytes(_run.Proof, changed.Bytes);
        CommandResult proven = _run.CheckProof();
        File.WriteAllBytes(_run.Proof, original);
        if (IsFound(proven, $"{where}, byte {changed.At}"))
            return;
        // A witness's line is nobody's without its key, and is said not to be checked; what the ledger signed stands.
        bool isOthersLine = proven.Output.Contains("of other keys under the checkpoint", StringComparison.Ordinal)
            && changed.At > original.AsSpan().LastIndexOf("\n— "u8);
        Assert.True(isOthersLine || SaysTheSame(original, changed.Bytes), $"{where}, byte {changed.At}: said to be proven: {proven.Output}");
    }

    /// <summary>Signature lines in another order, twice, or some of those that nobody asked for left out: the lines that were signed are the same.</summary>
    private static bool SaysTheSame(byte[] original, byte[] changed)
    {
        string[] before = Encoding.UTF8.GetString(original).Split('\n'), after = Encoding.UTF8.GetString(changed).Split('\n');
        return after.ToHashSet(StringComparer.Ordinal).IsSubsetOf(before)
            && before.TakeWhile(line => !line.StartsWith('—')).SequenceEqual(after.TakeWhile(line => !line.StartsWith('—')), StringComparer.Ordinal);
    }

    private byte[] Resigned(byte[] proof)
    {
        string text = Encoding.UTF8.GetString(proof);
        int note = text.IndexOf("\n\n", StringComparison.Ordinal) + 2;
        return Encoding.UTF8.GetBytes(text[..note] + _otherKey.Resign(text[note..]));
    }

    /// <summary>One of the two outcomes that are documented; anything else is a crash.</summary>
    private bool IsFound(CommandResult result, string where)
    {
        Assert.True(result.ExitCode is 0 or 1, $"{where}: exit code {result.ExitCode}: {result.Output}{result.Error}");
        Assert.False((result.Output + result.Error).Contains("Unhandled", StringComparison.Ordinal) || result.Error.Contains("   at ", StringComparison.Ordinal), $"{where}: {result.Error}");
        Assert.True(result.ExitCode == 0 || (result.Output + result.Error).Trim().Length > 0, $"{where}: it does not say why");
        _ = result.ExitCode == 0 ? _harmless++ : _caught++;
        return result.ExitCode == 1;
    }
}
