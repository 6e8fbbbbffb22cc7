using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>ATTACKS 2, 5, 11, 12, 27, 28, 30 and 31 between a running daemon's staging and the published program's boot.</summary>
public sealed partial class BootTamperTests : IDisposable
{
    private const string LastKnownGood = "# last known good\n";
    private const string SysctlPath = "/etc/sysctl.d/60-qwamos.conf";
    private const string GrubPath = "/etc/default/grub.d/60-qwamos.cfg";
    private readonly Trial _trial = new();

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        _trial.Dispose();
    }

    [Theory]
    [InlineData("update entries set leaf = cast(replace(cast(leaf as text), '\"strict\"', '\"defaul\"') as blob) where idx = 1", "Entry 1")]
    [InlineData("delete from entries where idx = 1", "Entry 1")]
    [InlineData("delete from entries", "Entry")]
    public void Attack28_EntriesTampered_KeepsLastKnownGood_AndNamesTheEntry(string sql, string said)
    {
        Stage("paranoid", "strict");
        Tamper(sql);
        AssertKept(said);
    }

    [Fact]
    public void Attack28_LedgerTruncatedToZero_KeepsLastKnownGood()
    {
        Stage("strict");
        using (FileStream file = File.OpenWrite(_trial.LedgerFile))
            file.SetLength(0);
        AssertKept("the ledger is refused");
    }

    [Fact]
    public void Attack28_LedgerDeleted_KeepsWhatTheLastBootApplied()
    {
        Stage("strict");
        Boot();
        File.Delete(_trial.LedgerFile);
        Assert.Contains("the ledger is gone", Boot());
        AssertLevel("strict");
    }

    [Fact]
    public void Attack28_OlderLedgerThanTheLastBootSaw_IsRefused()
    {
        Stage("paranoid");
        string older = Path.Combine(_trial.Root, "older.db");
        File.Copy(_trial.LedgerFile, older);
        Boot();
        Stage("strict");
        Boot();
        AssertLevel("strict");
        File.Copy(older, _trial.LedgerFile, overwrite: true);
        Assert.Contains("the last boot saw", Boot());
        AssertLevel("strict");
    }

    [Fact]
    public void Attack28_LedgerOfTheLastBootPutBack_IsRefusedByTheCheckpoint_AndThePendingFileTells()
    {
        Stage("paranoid");
        string older = Path.Combine(_trial.Root, "older.db");
        File.Copy(_trial.LedgerFile, older);
        Boot();
        Stage("strict");
        File.Copy(older, _trial.LedgerFile, overwrite: true);
        string said = Boot();
        Assert.Contains("pending.conf says KERNEL_HARDENING=strict", said);
        Assert.Matches("the last known good stays: Entry [0-9]+ is missing: .*/var/lib/qwamos/checkpoint says so", said);
        AssertLevel("paranoid");
    }

    [Fact]
    public void Attack28_PendingFileEdited_IsSaid_AndTheSignedValueApplied()
    {
        Stage("strict");
        _trial.Write("/var/lib/qwamos/pending.conf", "KERNEL_HARDENING=default\n");
        Assert.Contains("pending.conf says KERNEL_HARDENING=default", Boot());
        AssertLevel("strict");
    }

    [Fact]
    public void Attack28_SnapshotThatRestagesAnOlderValue_KeepsLastKnownGood()
    {
        Stage("paranoid", "strict");
        using (LedgerStore store = LedgerStore.Open(_trial.LedgerFile, LedgerOpenMode.ReadWrite))
        {
            LoadedLedger loaded = LedgerFold.Load(store);
            PolicyState state = loaded.State with { Staged = loaded.State.Staged.SetItem("KERNEL_HARDENING", new Applied(PolicyValue.Of("paranoid"), 0)) };
            store.SaveSnapshot(LedgerFold.Snapshot(state, loaded.Tree));
            store.FoldWal();
        }

        AssertKept("entry 1 is a newer change of it");
    }

    [Theory]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")] // small order
    [InlineData("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")] // non-canonical
    [InlineData("b502ff3d92e31d8190b4aa4ea0414005167fad089c4de9dac8a2fc850fed4f58")] // mixed order
    public void Attack02_BadPublicKeyAsAnchorAtTheBoot_KeepsLastKnownGood(string keyHex)
    {
        Stage("strict");
        File.WriteAllBytes(_trial.At("/etc/qwamos/dom0.pub"), Convert.FromHexString(keyHex));
        AssertKept("dom0.pub");
    }

    [Fact]
    public void Attack05_SignatureOfAnotherKeyInTheLedger_KeepsLastKnownGood()
    {
        string foreign = Convert.ToBase64String(TestSigner.Fresh().SignBytes("anything"));
        Stage("strict");
        Forge(leaf => Signature().Replace(leaf, $"\"signature\":\"{foreign}\""));
        AssertKept("bad_signature");
    }

    [Fact]
    public void Attack05_SignatureStrippedInTheLedger_KeepsLastKnownGood()
    {
        Stage("strict");
        Forge(leaf => Signature().Replace(leaf, "\"signature\":\"\""));
        AssertKept("");
    }

    [Fact]
    public void Attack11_ChangeForAnotherSystemInTheLedger_KeepsLastKnownGood()
    {
        Stage("strict");
        Forge(leaf =>
        {
            System.Text.Json.Nodes.JsonObject message = TestSigner.Draft("""{"KERNEL_HARDENING":"strict"}""");
            // The ledger finds a nonce by its timestamp: both stay, or what is found is a damaged ledger.
            message["nonce"] = SignedNonce().Match(leaf).Groups[1].Value;
            message["timestamp"] = long.Parse(SignedTimestamp().Match(leaf).Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
            message["system"] = new string('a', 32);
            string canonical = TestSigner.Canonical(message);
            string signature = Convert.ToBase64String(_trial.Signer.SignBytes(canonical));
            return Signature().Replace(SignedMessage().Replace(leaf, $"\"msg\":{canonical}"), $"\"signature\":\"{signature}\"");
        });
        AssertKept("wrong_system");
    }

    [Theory]
    [InlineData(-400, "from_future")]
    [InlineData(400, "stale")]
    public void Attack12_RecordedFarFromItsTimestamp_KeepsLastKnownGood(int seconds, string code)
    {
        Stage("strict");
        Forge(leaf => RecordedTime().Replace(leaf, match => $"\"time\":{long.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture) + seconds}"));
        AssertKept(code);
    }

    [Theory]
    [InlineData("symlink")]
    [InlineData("hard link")]
    public void Attack27_AnchorThatIsALinkAtTheBoot_KeepsLastKnownGood(string kind)
    {
        Stage("strict");
        string anchor = _trial.At("/etc/qwamos/dom0.pub");
        string other = Path.Combine(_trial.Root, "other.pub");
        File.Move(anchor, other);
        Assert.Equal(0, Command.Run(kind == "symlink" ? ["ln", "-s", other, anchor] : ["ln", other, anchor]).ExitCode);
        AssertKept("dom0.pub");
    }

    [Fact]
    public void Attack31_AnchorWritableByItsGroupAtTheBoot_KeepsLastKnownGood()
    {
        Stage("strict");
        File.SetUnixFileMode(_trial.At("/etc/qwamos/dom0.pub"), (UnixFileMode)0b110_110_100);
        AssertKept("dom0.pub");
    }

    [Theory]
    [InlineData(SysctlPath)]
    [InlineData(GrubPath)]
    public void Attack27_SymlinkWhereTheBootWrites_IsNeverFollowed(string path)
    {
        Stage("strict");
        _trial.Write("/victim", "precious");
        Directory.CreateDirectory(Path.GetDirectoryName(_trial.At(path))!);
        File.CreateSymbolicLink(_trial.At(path), _trial.At("/victim"));
        CommandResult boot = _trial.ApplyPending();
        Assert.Equal(1, boot.ExitCode);
        Assert.Contains("60-qwamos", boot.Error);
        Assert.Equal("precious", File.ReadAllText(_trial.At("/victim")));
    }

    [Fact]
    public void Attack27_NotesFolderThatIsASymlink_AppliesNothing()
    {
        Stage("strict");
        string notes = _trial.At("/var/lib/qwamos-boot/notes");
        string elsewhere = Directory.CreateDirectory(_trial.At("/elsewhere")).FullName;
        Directory.Delete(notes);
        Directory.CreateSymbolicLink(notes, elsewhere);
        AssertKept("notes");
        Assert.Empty(Directory.GetFileSystemEntries(elsewhere));
    }

    [Fact]
    public void Attack30_RememberedRootOfEqualLengthButOtherHash_StopsTheStart_NamingTheEntries()
    {
        Stage("strict");
        Boot();
        string memory = _trial.At("/var/lib/qwamos-boot/memory.json");
        File.WriteAllText(memory, RootHash().Replace(File.ReadAllText(memory), $"\"root_hash\":\"{new string('0', 64)}\""));
        using RunningProgram daemon = _trial.StartDaemon(waitReady: false);
        Assert.NotEqual(0, daemon.WaitForExit());
        Assert.Matches("Among the entries 0 to [0-9]+ is one that is not the one seen before", daemon.Log);
        Assert.DoesNotContain("Unhandled", daemon.Log);
    }

    private void Stage(params string[] levels)
    {
        RunningProgram daemon = _trial.StartDaemon();
        foreach (string level in levels)
            Assert.Equal("ok", _trial.Set("KERNEL_HARDENING", $"\"{level}\"").Code());
        Eventually.True(() => File.ReadAllText(_trial.At("/var/lib/qwamos/pending.conf")).Contains(levels[^1], StringComparison.Ordinal), "pending.conf follows");
        Assert.Equal(0, daemon.Stop());
    }

    private string Boot()
    {
        CommandResult result = _trial.ApplyPending();
        Assert.True(result.ExitCode == 0, result.Error);
        return result.Error;
    }

    private void AssertKept(string said)
    {
        _trial.Write(SysctlPath, LastKnownGood);
        string report = Boot();
        Assert.NotEmpty(report);
        Assert.Contains(said, report);
        Assert.DoesNotContain("Unhandled", report);
        Assert.Equal(LastKnownGood, File.ReadAllText(_trial.At(SysctlPath)));
    }

    private void AssertLevel(string level) => Assert.StartsWith($"# KERNEL_HARDENING={level}", File.ReadAllText(_trial.At(SysctlPath)));

    private void Tamper(string sql)
    {
        using SqliteConnection connection = Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = $"delete from snapshot; {sql}; pragma wal_checkpoint(truncate)";
        command.ExecuteNonQuery();
    }

    /// <summary>Rewrites the only entry with its hash and the tree, as somebody can who has the daemon's account but no key. The checkpoint that would tell is removed.</summary>
    private void Forge(Func<string, string> change)
    {
        File.Delete(_trial.At("/var/lib/qwamos/checkpoint"));
        using SqliteConnection connection = Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "select leaf from entries where idx = 0";
        string before = Encoding.UTF8.GetString((byte[])command.ExecuteScalar()!);
        string after = change(before);
        Assert.NotEqual(before, after);
        byte[] leaf = Encoding.UTF8.GetBytes(after);
        command.CommandText = "update entries set leaf = $leaf, leaf_hash = substr($hash, 1, 8) where idx = 0; update tree set root = $hash; delete from snapshot; pragma wal_checkpoint(truncate)";
        command.Parameters.AddWithValue("$leaf", leaf);
        command.Parameters.AddWithValue("$hash", SHA256.HashData([0, .. leaf]));
        command.ExecuteNonQuery();
    }

    private SqliteConnection Open()
    {
        var connection = new SqliteConnection($"Data Source={_trial.LedgerFile};Pooling=False");
        connection.Open();
        return connection;
    }

    [GeneratedRegex("\"signature\":\"[^\"]*\"")]
    private static partial Regex Signature();

    [GeneratedRegex("\"msg\":\\{\"args\":\\{[^}]*\\}[^}]*\\}")]
    private static partial Regex SignedMessage();

    [GeneratedRegex("\"nonce\":\"([^\"]*)\"")]
    private static partial Regex SignedNonce();

    [GeneratedRegex("\"timestamp\":([0-9]+)")]
    private static partial Regex SignedTimestamp();

    [GeneratedRegex("\"time\":([0-9]+)")]
    private static partial Regex RecordedTime();

    [GeneratedRegex("\"root_hash\":\"[0-9a-f]{64}\"")]
    private static partial Regex RootHash();
}
