using System.Diagnostics.CodeAnalysis;
using System.Text;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Audit;

/// <summary>
/// What a witness keeps of one ledger: its key, who says that it is, and the last checkpoint, cosigned when an operator says so. Immutable;
/// replaced whole, on disk too.
/// </summary>
/// <param name="Key">The ledger's key.</param>
/// <param name="Statement">The operator's word for it; null while the key is only pinned.</param>
/// <param name="Seen">The last checkpoint; null before the first of this key.</param>
public sealed record WitnessMemory(NoteVerifierKey Key, LedgerKeyStatement? Statement, SeenCheckpoint? Seen)
{
    private const int Format = 1;
    private const int MaxTextCodePoints = Limits.MaxWitnessFileBytes;

    /// <summary>
    /// The word that a key gave which is revoked by now, when none came after it: nobody's word, but no older one, by whomever, takes its place. Else a ledger's key that the
    /// operators had left behind could be brought back with what one of them said of it then.
    /// </summary>
    public LedgerKeyStatement? Disowned { get; init; }

    /// <summary>How the key is trusted, for people.</summary>
    public string Trust => Statement is { } statement ? $"signed by {statement.Signer}" : "pinned, not signed";

    /// <summary>
    /// Reads what <see cref="Write"/> wrote, and checks it again: the ledger's signature, and the operator's, which counts only where
    /// <paramref name="roots"/> believe it. Without it nothing is cosigned; with it what is not by the witness's present key is cosigned anew.
    /// </summary>
    public static bool TryRead(
        ReadOnlySpan<byte> content, RootHistory roots, CosignatureSigner witness, [NotNullWhen(true)] out WitnessMemory? memory, [NotNullWhen(false)] out string? fault)
    {
        memory = null;
        if (!StrictJson.TryParse(content, out var document, out fault, Limits.MaxWitnessFileBytes))
            return false;
        var reader = new MemberReader(document, "the witness's memory");
        reader.Integer("format", Format, Format);
        var keyText = reader.Text("key", MaxTextCodePoints);
        var word = ReadStatement(reader, keyText);
        // One of an operator who is not one any more leaves the key pinned.
        var statement = word is not null && roots.IsWord(word) ? word : null;
        var note = reader.Text("checkpoint", MaxTextCodePoints);
        var line = reader.Text("cosignature", MaxTextCodePoints);
        var arrived = reader.Integer("arrived", 0, Limits.MaxSafeInteger);
        if (!reader.Finish(out fault) || !NoteVerifierKey.TryParse(keyText, out var key, out fault))
            return false;
        SeenCheckpoint? seen = null;
        if (note.Length > 0 && !TryReadSeen(note, line, arrived, key, statement is null ? null : witness, out seen, out fault))
            return false;
        memory = new WitnessMemory(key, statement, seen) { Disowned = word is not null && roots.Current.RevocationOf(word.Signer) is not null ? word : null };
        fault = null;
        return true;
    }

    /// <summary>One line of JSON.</summary>
    public byte[] Write() => JsonText.Line(JsonValue.Object(
    [
        ("format", JsonValue.Of(Format)),
        ("key", JsonValue.Of(Key.ToString())),
        ("statement", JsonValue.Array((Statement ?? Disowned) is { } statement ? [statement.ToJson()] : [])),
        ("checkpoint", JsonValue.Of(Seen?.Note.ToString() ?? "")),
        ("cosignature", JsonValue.Of(Seen?.Cosignature?.ToString() ?? "")),
        ("arrived", JsonValue.Of(Seen?.ArrivedSeconds ?? 0)),
    ]));

    /// <summary>
    /// What `set-time-floor` does to it: an operator's word of a later second is forgotten, so that one of the right time can take its place, and
    /// nothing came later. What was seen stays.
    /// </summary>
    public WitnessMemory WithTimeFloor(long seconds)
    {
        var statement = Statement?.TimestampSeconds > seconds ? null : Statement;
        var disowned = Disowned?.TimestampSeconds > seconds ? null : Disowned;
        if (Seen is not { } seen)
            return this with { Statement = statement, Disowned = disowned };
        var arrived = Math.Min(seen.ArrivedSeconds, seconds);
        return new WitnessMemory(Key, statement, seen with
        {
            ArrivedSeconds = arrived,
            SignedSeconds = SeenCheckpoint.Credible(seen.SignedSeconds, arrived),
            // Its line says the time, too.
            Cosignature = statement is null || arrived != seen.ArrivedSeconds ? null : seen.Cosignature,
        }) { Disowned = disowned };
    }

    /// <summary>What the revocation of the key that signed the statement does to it: what was seen stays, and nobody vouches for it.</summary>
    public WitnessMemory WithoutStatement() => this with { Statement = null, Disowned = Statement ?? Disowned, Seen = Seen is { } seen ? seen with { Cosignature = null } : null };

    private static LedgerKeyStatement? ReadStatement(MemberReader reader, string key)
    {
        if (reader.Array("statement", 1) is not [var json])
            return null;
        if (!LedgerKeyStatement.TryRead(json, out var statement, out var fault))
            reader.Refuse(fault);
        return statement?.Key == key ? statement : null;
    }

    private static bool TryReadSeen(
        string note, string line, long arrived, NoteVerifierKey key, CosignatureSigner? witness, [NotNullWhen(true)] out SeenCheckpoint? seen, [NotNullWhen(false)] out string? fault)
    {
        seen = null;
        if (!OfferedCheckpoint.TryRead(new CheckpointOffer(note, key.ToString(), 0, []), out var offered, out fault)
            || !offered.TryVerify(out var signed, out var time, out fault))
            return false;
        NoteSignature? cosignature = witness is null ? null
            : NoteSignature.TryParse(line, out var kept) && witness.Key.TryVerify(signed.Text, kept, out _) ? kept
            : witness.Cosign(offered.Checkpoint, arrived);
        seen = new SeenCheckpoint(offered.Checkpoint, signed, SeenCheckpoint.Credible(time, arrived), arrived, cosignature);
        return true;
    }
}
