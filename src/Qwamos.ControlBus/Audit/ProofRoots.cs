using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Audit;

// What stands after the leaf in a proof's extra data, for each version of the trust root that the tree holds, in its order:
//   LF INDEX HASH HASH ...     the entry, and RFC 6962's audit path in base64, a space before each
//   LF LEAF                    the entry's leaf, which holds no line feed

/// <summary>An entry that recorded a version of the trust root, with the proof that it is where it says.</summary>
/// <param name="Index">The entry.</param>
/// <param name="Leaf">Its leaf's exact bytes.</param>
/// <param name="Path">The hashes beside its way to the root: 32 bytes each.</param>
public sealed record ProofRoot(long Index, ReadOnlyMemory<byte> Leaf, IReadOnlyList<byte[]> Path);

/// <summary>The trust roots in a proof: who may have signed the entry, so that who checks it offline asks nobody.</summary>
internal static class ProofRoots
{
    private const byte LineFeed = (byte)'\n';

    /// <summary>The extra data: the entry's leaf, and the trust roots.</summary>
    public static byte[] Write(ReadOnlyMemory<byte> leaf, IReadOnlyList<ProofRoot> roots)
    {
        using var extra = new MemoryStream();
        extra.Write(leaf.Span);
        foreach (var root in roots)
        {
            extra.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"\n{root.Index}{string.Concat(root.Path.Select(hash => " " + Convert.ToBase64String(hash)))}\n")));
            extra.Write(root.Leaf.Span);
        }
        return extra.ToArray();
    }

    /// <summary>Cuts the extra data; false for any other form.</summary>
    public static bool TryRead(byte[] extra, out ReadOnlyMemory<byte> leaf, out List<ProofRoot> roots)
    {
        roots = [];
        ReadOnlyMemory<byte> rest = extra;
        leaf = Take(ref rest);
        if (leaf.Length is 0 or > Limits.MaxLeafBytes)
            return false;
        while (!rest.IsEmpty)
        {
            var head = Take(ref rest);
            var root = Take(ref rest);
            if (roots.Count == Limits.MaxProofRoots || root.Length is 0 or > Limits.MaxLeafBytes || !TryReadHead(head.Span, out var index, out var path))
                return false;
            roots.Add(new ProofRoot(index, root, path));
        }
        // A line feed at the end would be read as nothing, and the file could be written in two ways.
        return extra[^1] != LineFeed;
    }

    /// <summary>
    /// The trust roots, each proven to be where it says and verified from the signers' keys on. Whether one was left out only a whole ledger tells.
    /// </summary>
    public static bool TryVerify(
        IReadOnlyList<ProofRoot> roots, Checkpoint checkpoint, IReadOnlyList<VerifyingKey> signers, [NotNullWhen(true)] out RootHistory? history, [NotNullWhen(false)] out string? fault)
    {
        history = RootHistory.Of(signers);
        var last = -1L;
        foreach (var root in roots)
        {
            if (root.Index <= last || !TreeProofs.VerifyInclusion(MerkleTree.LeafHash(root.Leaf.Span), root.Index, checkpoint.Size, root.Path, checkpoint.RootHash.Span))
                return No($"the hashes of its trust root at entry {root.Index} do not lead to the root that was signed", out history, out fault);
            last = root.Index;
            try
            {
                if (EntryReader.ReadExported(root.Index, root.Leaf.ToArray()) is not TrustRootEntry entry)
                    return No($"entry {root.Index}, which it has for a trust root, is none", out history, out fault);
                if (history!.TryExtend(root.Index, entry.TimeSeconds, entry.Root, checkpoint.SystemId, out history) is { } refusal)
                    return No($"its trust root at entry {root.Index} does not follow from what was in force before: {refusal.Reason}", out history, out fault);
            }
            catch (LedgerIntegrityException e)
            {
                return No(e.Message.TrimEnd('.'), out history, out fault);
            }
        }
        fault = null;
        return true;
    }

    /// <summary>Up to the next line feed, which is dropped, or the end.</summary>
    private static ReadOnlyMemory<byte> Take(ref ReadOnlyMemory<byte> rest)
    {
        var end = rest.Span.IndexOf(LineFeed);
        var line = end < 0 ? rest : rest[..end];
        rest = end < 0 ? default : rest[(end + 1)..];
        return line;
    }

    private static bool TryReadHead(ReadOnlySpan<byte> head, out long index, out IReadOnlyList<byte[]> path)
    {
        var hashes = new List<byte[]>();
        (index, path) = (0, hashes);
        if (head.ContainsAnyExceptInRange((byte)' ', (byte)'~'))
            return false;
        var words = Encoding.ASCII.GetString(head).Split(' ');
        if (words.Length > Limits.MaxProofHashes + 1 || !Checkpoint.TryParseNumber(words[0], out index))
            return false;
        foreach (var word in words.Skip(1))
        {
            if (!NoteBase64.TryDecodeHash(word, out var hash))
                return false;
            hashes.Add(hash);
        }
        return true;
    }

    private static bool No(string why, out RootHistory? history, out string fault)
    {
        (history, fault) = (null, why);
        return false;
    }
}
