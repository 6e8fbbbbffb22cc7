using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.ControlBus.Audit;

// C2SP tlog-proof v1, with the leaf as its extra data, so that one file is the whole proof:
//   c2sp.org/tlog-proof@v1
//   extra BASE64          the leaf, and the trust roots of the ledger: ProofRoots
//   index N
//   BASE64                RFC 6962's audit path, a hash a line, from the leaf's sibling up
//
//   the signed checkpoint

/// <summary>That one entry is in the ledger, in a file that proves it to who has the ledger's key and nothing else of it.</summary>
/// <param name="Index">The entry.</param>
/// <param name="Leaf">Its leaf's exact bytes.</param>
/// <param name="Path">The hashes beside its way to the root: 32 bytes each.</param>
/// <param name="Note">The signed checkpoint's bytes.</param>
public sealed record InclusionProof(long Index, ReadOnlyMemory<byte> Leaf, IReadOnlyList<byte[]> Path, ReadOnlyMemory<byte> Note)
{
    /// <summary>Every trust root in the tree, from version 1 of its trust on: at most <see cref="Limits.MaxProofRoots"/>. None while the enrolled key signed alone.</summary>
    public IReadOnlyList<ProofRoot> Roots { get; init; } = [];

    private const string FirstLine = "c2sp.org/tlog-proof@v1";
    private const string ExtraWord = "extra ";
    private const string IndexWord = "index ";
    private const string Separator = "\n\n";

    /// <summary>Reads a proof file of at most 4,194,304 bytes. Says nothing about whether it proves anything.</summary>
    public static bool TryParse(ReadOnlySpan<byte> file, [NotNullWhen(true)] out InclusionProof? proof, [NotNullWhen(false)] out string? fault)
    {
        proof = null;
        fault = "it is not a proof: the form is c2sp.org/tlog-proof@v1";
        var cut = file.IndexOf("\n\n"u8);
        if (file.Length > Limits.MaxProofFileBytes || cut < 0 || file[..cut].ContainsAnyExceptInRange((byte)'\n', (byte)'~'))
            return false;
        var lines = Encoding.ASCII.GetString(file[..cut]).Split('\n');
        if (lines is not [FirstLine, var extra, var number, .. var hashes]
            || !extra.StartsWith(ExtraWord, StringComparison.Ordinal)
            || !NoteBase64.TryDecode(extra[ExtraWord.Length..], out var data)
            || data.Length == 0
            || !ProofRoots.TryRead(data, out var leaf, out var roots)
            || !number.StartsWith(IndexWord, StringComparison.Ordinal)
            || !Checkpoint.TryParseNumber(number[IndexWord.Length..], out var index)
            || hashes.Length > Limits.MaxProofHashes)
            return false;
        var path = new List<byte[]>(hashes.Length);
        foreach (var line in hashes)
        {
            if (!NoteBase64.TryDecodeHash(line, out var hash))
                return false;
            path.Add(hash);
        }
        proof = new InclusionProof(index, leaf, path, file[(cut + Separator.Length)..].ToArray()) { Roots = roots };
        fault = null;
        return true;
    }

    /// <summary>The file's bytes.</summary>
    public byte[] ToBytes()
    {
        var head = new StringBuilder();
        head.Append(CultureInfo.InvariantCulture, $"{FirstLine}\n{ExtraWord}{Convert.ToBase64String(ProofRoots.Write(Leaf, Roots))}\n{IndexWord}{Index}\n");
        foreach (var hash in Path)
            head.Append(Convert.ToBase64String(hash)).Append('\n');
        return [.. Encoding.ASCII.GetBytes(head.Append('\n').ToString()), .. Note.Span];
    }

    /// <summary>
    /// Whether the ledger's key signed a tree with this leaf at this index, and the leaf is what those signed who might do so by the trust root in force at it: the newest of <see cref="Roots"/>
    /// before it. A confidential entry's envelope is not in the leaf; what is proven of it is a <see cref="WithheldEntry"/>.
    /// </summary>
    /// <param name="key">The ledger's key.</param>
    /// <param name="signers">The keys that were enrolled, at most 16: an entry that neither they nor a trust root which follows from them lets sign is a fault.</param>
    /// <param name="proven">What is proven.</param>
    /// <param name="fault">Why nothing is: a sentence without its full stop.</param>
    public bool TryCheck(
        NoteVerifierKey key, IReadOnlyList<VerifyingKey> signers, [NotNullWhen(true)] out ProvenEntry? proven, [NotNullWhen(false)] out string? fault)
    {
        proven = null;
        if (!Checkpoint.TryOpen(Note.Span, key, out var checkpoint, out fault))
        {
            fault = $"its checkpoint is not to be believed: {fault}";
            return false;
        }
        if (!TreeProofs.VerifyInclusion(MerkleTree.LeafHash(Leaf.Span), Index, checkpoint.Size, Path, checkpoint.RootHash.Span))
        {
            fault = $"its hashes do not lead from the leaf to the root that was signed, as entry {Index} of {checkpoint.Size}";
            return false;
        }
        if (!ProofRoots.TryVerify(Roots, checkpoint, signers, out var history, out fault))
            return false;
        var inForce = history.InForce(Index);
        var audited = new EntryAuditor(signers, checkpoint.SystemId).Judge(Index, Leaf.ToArray(), inForce);
        fault = audited.Fault;
        proven = audited.IsSound
            ? new ProvenEntry(Index, audited.Entry!, checkpoint)
            {
                RootVersion = inForce.Version,
                NewestRootVersion = history.Current.Version,
                Disowned = [.. EntryAuditor.SignersOf(audited.Entry).Where(key => history.IsDisowned(key, Index))],
                Follows = Roots.Any(root => root.Index == Index),
            }
            : null;
        return proven is not null;
    }
}
