using System.Text;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Tests.Client;
using Xunit;

namespace Qwamos.ControlBus.Tests.Audit;

/// <summary>What domains say in a ledger that is audited: in an export, and as the daemon gives it.</summary>
public sealed class DomainWordTests : IDisposable
{
    private const long Change = 1;

    private readonly AuditTrial _ledger = new();
    private readonly ClientTrial _client = new();
    private readonly SigningKey _domain = SigningKey.Generate();

    public DomainWordTests()
    {
        _client.Clock = _ledger.Clock;
        _ledger.History.Record(DomainKeyStatement.Sign(Ledger.History.Key, "gw", "gateway", Convert.ToHexStringLower(_domain.PublicRaw), AuditTrial.SystemIdText, _ledger.History.Now, false));
        Assert.Equal(Change, _ledger.History.Set("RADIO_ISOLATION", "on"));
        _ledger.History.Set("RADIO_ISOLATION", "off");
    }

    public void Dispose()
    {
        _ledger.Dispose();
        _client.Dispose();
        _domain.Dispose();
    }

    [Fact]
    public void Word_about_an_entry_of_the_ledger_is_sound_and_counted()
    {
        Say(Change, HashOf(Change));
        Say(2, HashOf(2));
        foreach (var report in Audits())
        {
            Assert.True(report.IsSound, report.Fault?.ToString());
            Assert.Equal(5, report.Signatures);
        }
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    [InlineData(2, -1)]
    [InlineData(3, -1)]
    [InlineData(500, -1)]
    public void Attack09_Word_about_another_ledgers_entry_is_caught_though_the_ledgers_key_signed_it(long index, long hashOf)
    {
        var at = Say(index, hashOf < 0 ? new string('e', 64) : HashOf(hashOf));
        foreach (var report in Audits())
        {
            Assert.Equal(at, report.Fault?.Index);
            Assert.Equal($"the domain's word is about another entry than {index} of this ledger", report.Fault?.Reason);
        }
        // As the ledger's own check finds it.
        Assert.Equal(at, Assert.Throws<LedgerIntegrityException>(() => new LedgerChecker(_ledger.Store) { Signers = _ledger.Operators }.Check()).Index);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Word_about_an_entry_whose_hash_is_not_kept_any_more_is_judged_by_the_tree(bool isTrue)
    {
        _ledger.History.BootIdle(RecentHashes.MaxLeaves);
        var at = Say(Change, isTrue ? HashOf(Change) : HashOf(2));
        foreach (var report in Audits())
            Assert.Equal(isTrue ? null : at, report.Fault?.Index);
    }

    [Fact]
    public void Attack22_Daemon_that_gives_another_entry_when_it_is_asked_again_is_found_out()
    {
        // Entry 1 is the change; what is said to be in force is the one that stands in its place in a history that root gave up.
        _ledger.History.BootIdle(RecentHashes.MaxLeaves);
        var another = _ledger.Store.Read(2)!.Leaf;
        var at = Say(Change, HashOf(2));
        Assert.Equal(1, Verify(_ledger.Answer));
        Assert.Contains($"entry {at}: the domain's word is about another entry than {Change}", _client.Error, StringComparison.Ordinal);
        Assert.Equal(1, Verify(request => request.Contains($"\"from\":{Change},", StringComparison.Ordinal) ? Page(another) : _ledger.Answer(request)));
        Assert.Contains($"its proof of entry {Change} does not lead to the root that was signed", _client.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Hashes_that_are_kept_are_the_newest()
    {
        RecentHashes hashes = new();
        Assert.Null(hashes.Find(0));
        for (var index = 0; index < RecentHashes.MaxLeaves + 2; index++)
            hashes.Append(MerkleTree.LeafHash(BitConverter.GetBytes(index)));
        Assert.Null(hashes.Find(1));
        Assert.Equal(MerkleTree.LeafHash(BitConverter.GetBytes(2)), hashes.Find(2));
        Assert.Equal(MerkleTree.LeafHash(BitConverter.GetBytes(RecentHashes.MaxLeaves + 1)), hashes.Find(RecentHashes.MaxLeaves + 1));
        Assert.Null(hashes.Find(RecentHashes.MaxLeaves + 2));
        Assert.Null(hashes.Find(-1));
    }

    private string HashOf(long index) => Convert.ToHexStringLower(_ledger.Store.Read(index)!.LeafHash);

    private long Say(long index, string leafHash) =>
        _ledger.History.Record(InForceStatement.Sign(_domain, "gw", AuditTrial.SystemIdText, new EntryReference(index, leafHash), ["RADIO_ISOLATION"], null, _ledger.History.Now));

    /// <summary>An export's, and the daemon's.</summary>
    private IEnumerable<AuditReport> Audits()
    {
        yield return _ledger.Verify(_ledger.Export());
        yield return new HistoryVerifier("the ledger", Checkpoint.Of(_ledger.Signer.Key.Name, _ledger.Store.Tree()), _ledger.Operators, index => _ledger.Store.Read(index)!.LeafHash).Verify(_ledger.Leaves());
    }

    private int Verify(Func<string, byte[]> answer)
    {
        File.WriteAllBytes(Path.Combine(_client.Root, "operator_pk"), Ledger.History.SignerKey.Raw.ToArray());
        using FakeBus bus = new(_client.Socket, answer);
        return _client.Run("audit", "verify", "--key", _ledger.Signer.Key.ToString(), "--signer", Path.Combine(_client.Root, "operator_pk"));
    }

    /// <summary>The daemon's answer with one leaf.</summary>
    private static byte[] Page(byte[] leaf) =>
        Encoding.UTF8.GetBytes($"{{\"status\":\"ok\",\"from\":{Change},\"skip\":0,\"leaves\":\"{Convert.ToBase64String([(byte)(leaf.Length >> 8), (byte)(leaf.Length & 0xFF), .. leaf])}\"}}\n");
}
