using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.ControlBus.Audit;

// C2SP tlog-checkpoint v1.0.0: a note whose text is three lines, origin, tree size and base64 of the root hash. Extension lines, which
// auditors cannot check, are neither written nor accepted here.

/// <summary>A ledger's tree at one size: what the ledger's key signs, and all that it signs.</summary>
/// <param name="Origin">Which ledger: <c>qwamos/</c> and the system ID.</param>
/// <param name="Size">Entries.</param>
/// <param name="RootHash">RFC 6962's root over them: 32 bytes.</param>
public sealed record Checkpoint(string Origin, long Size, ReadOnlyMemory<byte> RootHash)
{
    private const string OriginPrefix = "qwamos/";

    /// <summary>When the ledger says that it signed this, unix seconds; null before it is signed.</summary>
    public long? TimeSeconds { get; init; }

    /// <summary>Signature lines of other keys that stood under it: witnesses', which whoever has their keys can check.</summary>
    public int OtherLines { get; init; }

    /// <summary>The root as 64 lower-case hex digits, as status shows it.</summary>
    public string RootHex => Convert.ToHexStringLower(RootHash.Span);

    /// <summary>The system ID in the origin; null in another log's checkpoint.</summary>
    public string? SystemId => SystemOf(Origin);

    /// <summary>The origin of a system's ledger.</summary>
    public static string OriginOf(string systemId) => OriginPrefix + systemId;

    /// <summary>The system ID in an origin; null in another log's.</summary>
    public static string? SystemOf(string origin) => origin.StartsWith(OriginPrefix, StringComparison.Ordinal) ? origin[OriginPrefix.Length..] : null;

    /// <summary>The checkpoint of a tree as it is.</summary>
    public static Checkpoint Of(string origin, MerkleTree tree) => new(origin, tree.Size, tree.Root());

    /// <summary>
    /// True when nothing was heard of the ledger for too long: one that lives signs each minute. One of the future tells nothing, and counts as
    /// stale; else it would hide a freeze (ATTACKS 14).
    /// </summary>
    public bool IsStale(long nowSeconds) => TimeSeconds is not { } time || Math.Abs(nowSeconds - time) > Limits.CheckpointStaleSeconds;

    /// <summary>Reads a signed checkpoint and believes it only when <paramref name="key"/> signed it, and it is of the log that the key is named for.</summary>
    public static bool TryOpen(
        ReadOnlySpan<byte> bytes, NoteVerifierKey key, [NotNullWhen(true)] out Checkpoint? checkpoint, [NotNullWhen(false)] out string? fault)
    {
        checkpoint = null;
        if (!SignedNote.TryParse(bytes, out var note, out fault) || !key.Accepts(note, out fault) || !TryParse(note.Text, out var read, out fault))
            return false;
        if (read.Origin != key.Name)
        {
            fault = $"it is of the log {read.Origin}, not of {key.Name}";
            return false;
        }
        // Without this line a changed byte in it would make it another key's, which says nothing, and go unseen.
        var clock = CosignatureKey.Of(key);
        if (!clock.TryReadTime(note, out var time, out var untimed))
        {
            fault = $"it does not say when it was made: {untimed}";
            return false;
        }
        checkpoint = read with { TimeSeconds = time, OtherLines = note.Signatures.Count(line => !key.IsMine(line) && !clock.IsMine(line)) };
        return true;
    }

    /// <summary>Reads a note's text. Says nothing about who wrote it.</summary>
    internal static bool TryParse(string text, [NotNullWhen(true)] out Checkpoint? checkpoint, [NotNullWhen(false)] out string? fault)
    {
        checkpoint = null;
        fault = "the text is not that of a checkpoint: origin, size and root hash, a line each";
        if (text.Split('\n') is not [var origin, var size, var root, ""] || origin.Length == 0 || !NoteBase64.TryDecodeHash(root, out var hash))
            return false;
        if (!TryParseNumber(size, out var entries))
            return false;
        checkpoint = new Checkpoint(origin, entries, hash);
        fault = null;
        return true;
    }

    /// <summary>A decimal without leading zeros, at most 2^53-1.</summary>
    internal static bool TryParseNumber(string text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number)
        && number <= Limits.MaxSafeInteger
        && number.ToString(CultureInfo.InvariantCulture) == text;

    /// <summary>The note's text: three lines.</summary>
    internal string ToText() => string.Create(CultureInfo.InvariantCulture, $"{Origin}\n{Size}\n{Convert.ToBase64String(RootHash.Span)}\n");
}
