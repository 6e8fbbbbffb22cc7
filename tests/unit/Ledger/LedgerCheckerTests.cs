using System.Globalization;
using System.Text;
using CsCheck;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

public sealed class LedgerCheckerTests : IDisposable
{
    private const int Entries = 40;

    private readonly LedgerFolder _folder = new();
    private readonly RememberedTree _seen;
    private readonly byte[] _root;

    public LedgerCheckerTests()
    {
        using var store = _folder.Open();
        var history = new History(store);
        for (var i = 0; i < 12; i++)
            history.Set("RADIO_ISOLATION", i % 3 == 0 ? "off" : "on");
        history.Set("DURESS.gesture", "triple-power");
        history.Snapshot();
        _seen = new RememberedTree(store.Size, Convert.ToHexStringLower(store.Tree().Root()));
        history.Set("KERNEL_HARDENING", "strict");
        history.Set("RADIO_ISOLATION", "nonsense");
        history.Boot("in force");
        while (store.Size < Entries)
            history.Set("TOR_ISOLATION", store.Size % 2 == 0 ? "off" : "mandatory");
        store.SaveDelivery("gateway", new DeliveryPlace(3, new Dictionary<string, long> { ["RADIO_ISOLATION"] = 11 }));
        _root = store.Tree().Root();
        Assert.True(store.FoldWal());
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void SoundLedger_IsFoldedFromTheFirstEntry_BesideItsWriter()
    {
        using var writer = _folder.Open();
        using var store = _folder.Open(LedgerOpenMode.ReadOnly);
        // What is written meanwhile is not part of the check.
        new History(writer).Set("RADIO_ISOLATION", "off");
        var told = new List<long>();
        var loaded = new LedgerChecker(store) { Remembered = _seen, Progress = told.Add }.Check();
        Assert.Equal(_root, loaded.Tree.Root());
        Assert.Equal(0, loaded.FoldedFrom);
        Assert.Equal(Entries, told[^1]);
        Assert.Equal(LedgerFold.Load(store).State.ToJson(), loaded.State.ToJson());
    }

    [Theory]
    [InlineData("UPDATE entries SET leaf = x'00' WHERE idx = 5", 5)]
    [InlineData("UPDATE entries SET leaf = x'00' WHERE idx = 5; UPDATE nonces SET nonces = zeroblob(length(nonces)) WHERE first = 0", 0)]
    [InlineData("UPDATE entries SET leaf = CAST(replace(CAST(leaf AS TEXT), 'RADIO', 'RADIA') AS BLOB) WHERE idx = 7", 7)]
    [InlineData("DELETE FROM entries WHERE idx = 4", 4)]
    [InlineData("UPDATE hashes SET hash = zeroblob(32) WHERE id = 1", 16)]
    [InlineData("UPDATE hashes SET hash = x'00' WHERE id = 1", 16)]
    [InlineData("UPDATE hashes SET id = -1 WHERE id = 1", 16)]
    [InlineData("UPDATE snapshot SET state = CAST('{}' AS BLOB)", null)]
    [InlineData("DELETE FROM confidential", 12)]
    [InlineData("INSERT INTO confidential VALUES(2, x'00')", null)]
    [InlineData("INSERT INTO confidential VALUES(99, x'00')", null)]
    [InlineData("INSERT INTO entries VALUES(-3, zeroblob(32), NULL, x'00')", null)]
    [InlineData("INSERT INTO hashes VALUES(-3, zeroblob(32))", null)]
    [InlineData("INSERT INTO heads VALUES(99, x'00')", null)]
    [InlineData("UPDATE heads SET head = x'00' WHERE id = 1", 1)]
    [InlineData("UPDATE entries SET head = (SELECT max(id) + 1 FROM heads) WHERE idx = 0", 0)]
    [InlineData("DELETE FROM heads WHERE id = 1", 1)]
    [InlineData("UPDATE nonces SET nonces = x'00' WHERE first = 0", 0)]
    [InlineData("UPDATE nonces SET first = first + 1 WHERE first = 0", 0)]
    [InlineData("UPDATE nonces SET timestamp = timestamp + 1 WHERE first = 0", 0)]
    [InlineData("DELETE FROM nonces WHERE first = 0", 0)]
    [InlineData("INSERT INTO nonces VALUES(1, 99, zeroblob(16))", null)]
    [InlineData("INSERT INTO nonces SELECT timestamp, 15, zeroblob(16) FROM nonces WHERE first = 0", null)]
    [InlineData("UPDATE deliveries SET idx = 40", null)]
    [InlineData("UPDATE deliveries SET missed = 'x'", null)]
    public void Attack30_WhatIsNotAsItWas_IsNamed(string sql, int? entry)
    {
        _folder.Tamper(sql);
        var found = Assert.Throws<LedgerIntegrityException>(() => Check(_folder));
        Assert.Equal(entry, (int?)found.Index);
    }

    [Fact]
    public void Attack30_ASnapshotOfAnotherState_WithItsChecksum_IsFound()
    {
        using (var store = _folder.Open())
        {
            var loaded = LedgerFold.Load(store);
            store.SaveSnapshot(LedgerFold.Snapshot(loaded.State with { FloorSeconds = 5 }, loaded.Tree));
        }
        Assert.Contains("is not their fold", Assert.Throws<LedgerIntegrityException>(() => Check(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ASnapshotOfAnEarlierFormat_SaysNothingAgainstTheLedger()
    {
        using (var store = _folder.Open())
        {
            var tree = LedgerFold.Load(store).Tree;
            store.SaveSnapshot(new LedgerSnapshot(tree.Size, tree.Frontier(), """{"format":1,"policy":{},"staged":{},"timestamps":{},"floor":0,"last_note":0}"""u8.ToArray()));
        }
        Assert.Equal(Entries, Check(_folder).Tree.Size);
    }

    [Fact]
    public void Attack09_AMessageThatIsRecordedTwice_IsFound()
    {
        using var source = new LedgerFolder();
        using var folder = new LedgerFolder();
        using (var from = source.Open())
        using (var to = folder.Open())
        {
            new History(from).Set("RADIO_ISOLATION", "off");
            for (var i = 0; i < 2; i++)
                to.AppendBatch([Copy(from, from.Read(0)!)]);
        }
        var found = Assert.Throws<LedgerIntegrityException>(() => Check(folder));
        Assert.Contains("is recorded twice", found.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Signatures_AreCheckedUnderTheKeysThatAreKnown_AndCountedWhereTheyAreNot()
    {
        using var store = _folder.Open(LedgerOpenMode.ReadOnly);
        var checker = new LedgerChecker(store) { Signers = [History.SignerKey] };
        checker.Check();
        // One entry is a boot's note.
        Assert.Equal((Entries - 1, 0), (checker.Signatures, checker.UncheckedSignatures));
        using var stranger = SigningKey.Generate();
        checker = new LedgerChecker(store) { Signers = [stranger.Public] };
        checker.Check();
        Assert.Equal((0, Entries - 1), (checker.Signatures, checker.UncheckedSignatures));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Attack30_AnEntryThatTheKeyItNamesDidNotSign_IsNamed_ThoughAllHashesAreMadeAnew(bool isStatement)
    {
        using var source = new LedgerFolder();
        using var folder = new LedgerFolder();
        using (var from = source.Open())
        using (var to = folder.Open())
        {
            var history = new History(from);
            history.Set("RADIO_ISOLATION", "off");
            if (isStatement)
                history.SignKey($"qwamos/{new string('d', 32)}+key", new string('d', 32), history.Now);
            foreach (var row in from.ReadFrom(0))
                to.AppendBatch([row.Index < from.Size - 1 ? Copy(from, row) : Copy(from, row) with { Leaf = Forge(row.Leaf) }]);
        }
        using var store = folder.Open(LedgerOpenMode.ReadOnly);
        Assert.Equal(store.Size, new LedgerChecker(store).Check().Tree.Size);
        var found = Assert.Throws<LedgerIntegrityException>(() => new LedgerChecker(store) { Signers = [History.SignerKey] }.Check());
        Assert.Equal(store.Size - 1, found.Index);
        Assert.Contains("signature does not hold", found.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack13_AnotherHistoryOrAnOlderOne_IsFoundByWhoRemembers()
    {
        Assert.Throws<LedgerIntegrityException>(() => Check(_folder, _seen with { RootHash = new string('0', 64) }));
        Assert.Equal(Entries, Assert.Throws<LedgerIntegrityException>(() => Check(_folder, _seen with { Size = Entries + 1 })).Index);
    }

    [Fact]
    public void Attack30_AThousandFlippedBytes_AreFound_OrWereNotPartOfTheLedger()
    {
        var sound = File.ReadAllBytes(_folder.File);
        var leaves = Leaves(_folder);
        var found = 0;
        Gen.Select(Gen.Int[0, sound.Length - 1], Gen.Byte[1, 255]).Sample(
            (at, flip) =>
            {
                var bytes = (byte[])sound.Clone();
                bytes[at] ^= flip;
                if (!IsFound(bytes, leaves))
                    return;
                found++;
            },
            iter: 1_000,
            threads: 1);
        Assert.True(found > 150, found.ToString(CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Attack30_TwoHundredStructuralChanges_AreEachFound()
    {
        var row = Gen.Int[0, Entries - 1];
        var signedByAnother = SignedByAnother();
        Gen.Select(Gen.Int[0, 6], row, row).Where((_, one, other) => one != other).Sample(
            (kind, one, other) =>
            {
                using var folder = new LedgerFolder();
                File.Copy(_folder.File, folder.File);
                if (kind == 5)
                    Truncate(folder.File, one);
                else
                    folder.Tamper(Change(kind, one, other, signedByAnother));
                Assert.ThrowsAny<IOException>(() => Check(folder));
            },
            iter: 200,
            threads: 1);
    }

    private static NewEntry Copy(LedgerStore store, LedgerRow row) =>
        new(row.Leaf, store.Parse(row) is MessageEntry entry ? ReplayKey.Of(entry.Message) : null);

    private static byte[] Forge(byte[] leaf) => Encoding.UTF8.GetBytes(
        Encoding.UTF8.GetString(leaf).Replace("\"off\"", "\"on\"", StringComparison.Ordinal).Replace("+key", "+kez", StringComparison.Ordinal));

    private static string Change(int kind, int one, int other, byte[] foreign) => kind switch
    {
        0 => $"UPDATE entries SET idx = 99 WHERE idx = {one}; UPDATE entries SET idx = {one} WHERE idx = {other}; UPDATE entries SET idx = {other} WHERE idx = 99",
        1 => $"DELETE FROM entries WHERE idx = {one}; UPDATE tree SET size = size - 1",
        2 => $"UPDATE entries SET (leaf, leaf_hash, head) = (SELECT leaf, leaf_hash, head FROM entries WHERE idx = {other}) WHERE idx = {one}",
        3 => $"INSERT INTO entries SELECT 40, leaf_hash, head, leaf FROM entries WHERE idx = {one}; UPDATE tree SET size = 41",
        4 => $"UPDATE entries SET leaf = x'{Convert.ToHexString(foreign)}', head = NULL, leaf_hash = x'{Convert.ToHexString(MerkleTree.LeafHash(foreign)[..8])}' WHERE idx = {one}",
        _ => $"DELETE FROM hashes WHERE id >= {one} % 3",
    };

    private static void Truncate(string path, int part)
    {
        using var file = File.OpenWrite(path);
        file.SetLength(file.Length * (part + 1) / (Entries + 2));
    }

    /// <summary>An entry that another operator's key signed, sound by itself.</summary>
    private static byte[] SignedByAnother()
    {
        using var folder = new LedgerFolder();
        using var store = folder.Open();
        new History(store).Set("RADIO_ISOLATION", "off");
        return store.Read(0)!.Leaf;
    }

    private bool IsFound(byte[] bytes, List<byte[]> leaves)
    {
        using var folder = new LedgerFolder();
        File.WriteAllBytes(folder.File, bytes);
        try
        {
            Assert.Equal(_root, Check(folder).Tree.Root());
        }
        catch (Exception e) when (e is LedgerIntegrityException or LedgerFormatException or LedgerBrokenException)
        {
            return true;
        }
        // Sound after a flipped byte: it held nothing, and all that there is to export is what it was.
        Assert.Equal(leaves, Leaves(folder));
        return false;
    }

    private static List<byte[]> Leaves(LedgerFolder folder)
    {
        using var store = folder.Open(LedgerOpenMode.ReadOnly);
        return [.. store.ReadFrom(0).Select(row => row.Leaf)];
    }

    private static LoadedLedger Check(LedgerFolder folder, RememberedTree? remembered = null)
    {
        using var store = folder.Open(LedgerOpenMode.ReadOnly);
        return new LedgerChecker(store) { Remembered = remembered }.Check();
    }
}
