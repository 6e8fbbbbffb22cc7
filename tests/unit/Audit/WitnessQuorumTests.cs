using System.Text;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Xunit;

namespace Qwamos.ControlBus.Tests.Audit;

public sealed class WitnessQuorumTests : IDisposable
{
    private static readonly string Origin = Checkpoint.OriginOf(new string('a', SystemId.Digits));
    private readonly CheckpointSigner _ledger = new(SigningKey.Generate(), Origin);
    private readonly SigningKey[] _keys = [SigningKey.Generate(), SigningKey.Generate(), SigningKey.Generate()];
    private readonly Checkpoint _checkpoint = Checkpoint.Of(Origin, MerkleTree.Of([MerkleTree.LeafHash("leaf"u8)]));

    private string[] Lines => [.. _keys.Select((key, i) => Key(i).ToString())];

    public void Dispose()
    {
        _ledger.Dispose();
        foreach (var key in _keys)
            key.Dispose();
    }

    [Theory]
    [InlineData(null, "missing: " + "w2")]
    [InlineData(3, "missing: " + "w2")]
    [InlineData(2, null)]
    [InlineData(1, null)]
    public void As_many_as_asked_must_have_cosigned_and_the_missing_are_named(int? needed, string? fault)
    {
        var quorum = Read(string.Join('\n', ["# whom we trust", "", .. Lines]), needed);
        var met = quorum.IsMet(Cosigned(0, 1), _checkpoint, out var cosigned, out var why);
        Assert.Equal(fault is null, met);
        Assert.Equal(["w0", "w1"], cosigned.Select(one => one.Witness.Name));
        Assert.All(cosigned, one => Assert.Equal(7, one.TimeSeconds));
        if (fault is not null)
            Assert.EndsWith(fault, why, StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_that_does_not_hold_fails_though_others_are_enough()
    {
        var other = Checkpoint.Of(Origin, new MerkleTree());
        var note = _ledger.Sign(_checkpoint, 7).With([Key(0).Sign(_keys[0], _checkpoint, 7), Key(1).Sign(_keys[1], other, 7)]);
        Assert.False(Read(string.Join('\n', Lines), 1).IsMet(note.ToBytes(), _checkpoint, out _, out var fault));
        Assert.Contains("w1 does not hold", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack03_One_witness_under_two_names_does_not_count_twice()
    {
        var twice = new CosignatureKey("w9", _keys[0].Public);
        Assert.Contains("line 2: the public key stands in an earlier line", Fault($"{Key(0)}\n{twice}", 2), StringComparison.Ordinal);
        var note = _ledger.Sign(_checkpoint, 7).With([Key(0).Sign(_keys[0], _checkpoint, 7), Key(0).Sign(_keys[0], _checkpoint, 8)]);
        Assert.False(Read(string.Join('\n', Lines), 2).IsMet(note.ToBytes(), _checkpoint, out var cosigned, out _));
        Assert.Single(cosigned);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(4)]
    public void Attack04_A_quorum_that_cannot_be_is_refused(int needed) =>
        Assert.Contains($"a quorum of {needed} cannot be", Fault(string.Join('\n', Lines), needed), StringComparison.Ordinal);

    [Fact]
    public void Attack08_The_ledgers_own_key_and_its_time_line_make_no_witness()
    {
        Assert.Contains("line 1", Fault(_ledger.Key.ToString(), 1), StringComparison.Ordinal);
        Assert.False(Read(string.Join('\n', Lines), 1).IsMet(_ledger.Sign(_checkpoint, 7).ToBytes(), _checkpoint, out var cosigned, out _));
        Assert.Empty(cosigned);
    }

    [Fact]
    public void A_file_without_witnesses_or_with_another_text_is_refused()
    {
        Assert.Contains("it names 0 witnesses", Fault("# nobody\n", 1), StringComparison.Ordinal);
        Assert.Contains("line 2", Fault($"{Key(0)}\nnonsense", 1), StringComparison.Ordinal);
    }

    [Fact]
    public void Another_checkpoint_than_the_one_verified_is_refused()
    {
        var other = Checkpoint.Of(Origin, new MerkleTree());
        Assert.False(Read(string.Join('\n', Lines), 1).IsMet(Cosigned(0), other, out _, out var fault));
        Assert.Contains("changed", fault, StringComparison.Ordinal);
    }

    private static WitnessQuorum Read(string file, int? needed)
    {
        Assert.True(WitnessQuorum.TryRead(Encoding.UTF8.GetBytes(file), needed, out var quorum, out var fault), fault);
        return quorum;
    }

    private static string Fault(string file, int? needed)
    {
        Assert.False(WitnessQuorum.TryRead(Encoding.UTF8.GetBytes(file), needed, out _, out var fault));
        return fault;
    }

    private CosignatureKey Key(int i) => new($"w{i}", _keys[i].Public);

    private byte[] Cosigned(params int[] witnesses) =>
        _ledger.Sign(_checkpoint, 7).With([.. witnesses.Select(i => Key(i).Sign(_keys[i], _checkpoint, 7))]).ToBytes();
}
