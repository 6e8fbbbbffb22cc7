using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Audit;

// C2SP tlog-proof v1, with the leaf as its extra data, so that one file is the whole proof:
//   c2sp.org/tlog-proof@v1
//   extra BASE64          the leaf
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
    private const string FirstLine = "c2sp.org/tlog-proof@v1";
    private const string ExtraWord = "extra ";
    private const string IndexWord = "index ";
    private const string Separator = "\n\n";

    /// <summary>Reads a proof file of at most 262,144 bytes. Says nothing about whether it proves anything.</summary>
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
            || !NoteBase64.TryDecode(extra[ExtraWord.Length..], out var leaf)
            || leaf.Length is 0 or > Limits.MaxLeafBytes
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
        proof = new InclusionProof(index, leaf, path, file[(cut + Separator.Length)..].ToArray());
        fault = null;
        return true;
    }

    /// <summary>The file's bytes.</summary>
    public byte[] ToBytes()
    {
        var head = new StringBuilder();
        head.Append(CultureInfo.InvariantCulture, $"{FirstLine}\n{ExtraWord}{Convert.ToBase64String(Leaf.Span)}\n{IndexWord}{Index}\n");
        foreach (var hash in Path)
            head.Append(Convert.ToBase64String(hash)).Append('\n');
        return [.. Encoding.ASCII.GetBytes(head.Append('\n').ToString()), .. Note.Span];
    }

    /// <summary>
    /// Whether the ledger's key signed a tree with this leaf at this index, and the leaf is what an operator signed. A confidential entry's
    /// envelope is not in the leaf; what is proven of it is a <see cref="WithheldEntry"/>.
    /// </summary>
    /// <param name="key">The ledger's key.</param>
    /// <param name="signers">The operators' keys, at most 16: an entry of any other key is a fault.</param>
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
        var audited = new EntryAuditor(signers, checkpoint.SystemId).Judge(Index, Leaf.ToArray(), TrustRoot.Implicit(signers));
        fault = audited.Fault;
        proven = audited.IsSound ? new ProvenEntry(Index, audited.Entry!, checkpoint) : null;
        return proven is not null;
    }
}
