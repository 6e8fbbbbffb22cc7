using System.Text;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Tests.Ledger;
using Qwamos.ControlBus.Tests.Trust;
using Xunit;

namespace Qwamos.ControlBus.Tests.Audit;

public sealed class InclusionProofTests
{
    private const int RandomCorruptions = 1_000;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(64)]
    [InlineData(101)]
    public void Proof_of_each_entry_holds_and_is_read_as_it_was_written(int entries)
    {
        using var trial = new AuditTrial(entries);
        for (var index = 0; index < entries; index++)
        {
            var file = trial.Prove(index).ToBytes();
            Assert.True(InclusionProof.TryParse(file, out var proof, out var fault), fault);
            Assert.Equal(file, proof.ToBytes());
            Assert.True(proof.TryCheck(trial.Signer.Key, trial.Operators, out var proven, out fault), fault);
            Assert.Equal((index, entries), (proven.Index, proven.Checkpoint.Size));
            Assert.Equal(EntryReader.ReadExported(index, trial.Leaves()[index]).TimeSeconds, proven.Entry.TimeSeconds);
        }
    }

    [Fact]
    public void File_is_a_tlog_proof_with_the_leaf_as_extra_data()
    {
        using var trial = new AuditTrial(2);
        var lines = Encoding.UTF8.GetString(trial.Prove(1).ToBytes()).Split('\n');
        Assert.Equal("c2sp.org/tlog-proof@v1", lines[0]);
        Assert.Equal("extra " + Convert.ToBase64String(trial.Leaves()[1]), lines[1]);
        Assert.Equal("index 1", lines[2]);
        Assert.Equal(Convert.ToBase64String(MerkleTree.LeafHash(trial.Leaves()[0])), lines[3]);
        Assert.Equal(["", trial.Signer.Key.Name, "2"], lines[4..7]);
    }

    [Fact]
    public void Change_that_waited_for_its_signers_is_judged_by_the_trust_root_in_force_at_it()
    {
        using var trial = new AuditTrial(3);
        using var second = SigningKey.Generate();
        var index = trial.AddWaited(second);
        trial.History.SetAs(History.Key, AuditTrial.SystemIdText, ("RADIO_ISOLATION", JsonValue.Of("off")));
        for (var at = 0; at < trial.Store.Size; at++)
        {
            var file = trial.Prove(at).ToBytes();
            Assert.True(InclusionProof.TryParse(file, out var proof, out var fault), fault);
            Assert.Equal(file, proof.ToBytes());
            Assert.True(proof.TryCheck(trial.Signer.Key, trial.Operators, out var proven, out fault), $"{at}: {fault}");
            Assert.Equal((at < index ? 0 : at <= index + 1 ? 1 : 2, 2, at is 3 or 5), (proven.RootVersion, proven.NewestRootVersion, proven.Follows));
            Assert.Equal(at == index ? new[] { second.Public.Id } : [], proven.Disowned);
        }
        var waited = trial.Prove(index);
        Assert.False(Holds(trial, waited with { Roots = [] }));
        // The first alone is what was known then: who leaves the later ones out hides no signature, but that one of them is disowned.
        Assert.True((waited with { Roots = [waited.Roots[0]] }).TryCheck(trial.Signer.Key, trial.Operators, out var earlier, out _));
        Assert.Empty(earlier.Disowned);
    }

    [Fact]
    public void Attack06_Proof_whose_trust_roots_are_forged_misplaced_swapped_or_anothers_is_caught()
    {
        using var trial = new AuditTrial(3);
        using var second = SigningKey.Generate();
        var index = trial.AddWaited(second);
        var proof = trial.Prove(index);
        var (first, last) = (proof.Roots[0], proof.Roots[1]);
        ProofRoot[][] bad =
        [
            [last], [last, first], [first, first], [first with { Index = first.Index - 1 }, last], [first with { Path = last.Path }, last], [first with { Leaf = last.Leaf }, last],
            [first with { Index = index, Leaf = proof.Leaf, Path = proof.Path }, last], [.. Enumerable.Repeat(first, Limits.MaxProofRoots + 1)],
        ];
        Assert.All(bad, roots => Assert.False(Holds(trial, proof with { Roots = roots })));
        using var stranger = SigningKey.Generate();
        Assert.False(proof.TryCheck(trial.Signer.Key, [stranger.Public], out _, out var fault));
        Assert.Contains("does not follow", fault, StringComparison.Ordinal);
        // A thief's own version, in a ledger whose key signed it.
        var forged = (RootDraft.Single("alice", stranger.Public) with { System = AuditTrial.SystemIdText }).Signed(stranger);
        trial.History.Record(forged);
        Assert.False(trial.Prove(trial.Store.Size - 1).TryCheck(trial.Signer.Key, trial.Operators, out _, out _));
    }

    [Fact]
    public void Confidential_entry_is_proven_by_its_envelopes_hash()
    {
        using var trial = new AuditTrial(10);
        Assert.True(trial.Prove(9).TryCheck(trial.Signer.Key, trial.Operators, out var proven, out _));
        Assert.Equal(["DURESS.gesture"], Assert.IsType<WithheldEntry>(proven.Entry).Outcome!.Applied);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Attack30_Each_of_1000_random_single_byte_corruptions_of_a_proof_is_caught(bool hasRoots)
    {
        using var trial = new AuditTrial(37);
        var random = new Random(37);
        using var second = SigningKey.Generate();
        var file = trial.Prove(hasRoots ? trial.AddWaited(second) : 20).ToBytes();
        for (var round = 0; round < RandomCorruptions; round++)
        {
            var changed = (byte[])file.Clone();
            var at = random.Next(file.Length);
            changed[at] ^= (byte)random.Next(1, 256);
            Assert.False(Holds(trial, changed), $"byte {at} from {file[at]} to {changed[at]}");
        }
    }

    [Fact]
    public void Attack30_Proof_with_hashes_dropped_doubled_or_swapped_or_another_index_is_caught()
    {
        using var trial = new AuditTrial(37);
        for (var index = 0; index < 37; index++)
        {
            var proof = trial.Prove(index);
            for (var at = 0; at < proof.Path.Count; at++)
            {
                Assert.False(Holds(trial, proof with { Path = [.. proof.Path.Take(at), .. proof.Path.Skip(at + 1)] }));
                Assert.False(Holds(trial, proof with { Path = [.. proof.Path.Take(at + 1), .. proof.Path.Skip(at)] }));
                if (at > 0)
                    Assert.False(Holds(trial, proof with { Path = [.. proof.Path.Take(at - 1), proof.Path[at], proof.Path[at - 1], .. proof.Path.Skip(at + 1)] }));
            }
            foreach (var other in (long[])[(index + 1) % 37, index + 37, 37, Limits.MaxSafeInteger])
                Assert.False(Holds(trial, proof with { Index = other }));
            Assert.False(Holds(trial, proof with { Leaf = trial.Leaves()[(index + 1) % 37] }));
        }
    }

    [Fact]
    public void Attack30_Proof_signed_again_with_another_key_or_by_another_operator_is_caught()
    {
        using var trial = new AuditTrial(3);
        using var other = new CheckpointSigner(SigningKey.Generate(), trial.Signer.Key.Name);
        var proof = trial.Prove(1);
        Assert.False(Holds(trial, proof with { Note = other.Sign(Checkpoint.Of(other.Key.Name, trial.Store.Tree())).ToBytes() }));
        using var stranger = SigningKey.Generate();
        Assert.False(proof.TryCheck(trial.Signer.Key, [stranger.Public], out _, out var fault));
        Assert.Contains("not among those given", fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("c2sp.org/tlog-proof@v1\nextra QQ==\nindex 0\n")]
    [InlineData("c2sp.org/tlog-proof@v2\nextra QQ==\nindex 0\n\nnote")]
    [InlineData("c2sp.org/tlog-proof@v1\nindex 0\n\nnote")]
    [InlineData("c2sp.org/tlog-proof@v1\nextra \nindex 0\n\nnote")]
    [InlineData("c2sp.org/tlog-proof@v1\nextra QR==\nindex 0\n\nnote")]
    [InlineData("c2sp.org/tlog-proof@v1\nextra QQ==\nindex 00\n\nnote")]
    [InlineData("c2sp.org/tlog-proof@v1\nextra QQ==\nindex -1\n\nnote")]
    [InlineData("c2sp.org/tlog-proof@v1\nextra QQ==\nindex 0\nQQ==\n\nnote")]
    [InlineData("c2sp.org/tlog-proof@v1\r\nextra QQ==\r\nindex 0\r\n\r\nnote")]
    public void Other_files_are_no_proofs(string file) =>
        Assert.False(InclusionProof.TryParse(Encoding.UTF8.GetBytes(file), out _, out _));

    [Fact]
    public void Proof_with_more_hashes_than_a_tree_has_levels_is_refused()
    {
        var hash = Convert.ToBase64String(new byte[32]) + "\n";
        var file = "c2sp.org/tlog-proof@v1\nextra QQ==\nindex 0\n" + string.Concat(Enumerable.Repeat(hash, Limits.MaxProofHashes + 1)) + "\nnote";
        Assert.False(InclusionProof.TryParse(Encoding.UTF8.GetBytes(file), out _, out _));
    }

    private static bool Holds(AuditTrial trial, InclusionProof proof) => Holds(trial, proof.ToBytes());

    private static bool Holds(AuditTrial trial, byte[] file) =>
        InclusionProof.TryParse(file, out var proof, out _) && proof.TryCheck(trial.Signer.Key, trial.Operators, out _, out _);
}
