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
        var statement = ReadStatement(reader, keyText, roots);
        var note = reader.Text("checkpoint", MaxTextCodePoints);
        var line = reader.Text("cosignature", MaxTextCodePoints);
        var arrived = reader.Integer("arrived", 0, Limits.MaxSafeInteger);
        if (!reader.Finish(out fault) || !NoteVerifierKey.TryParse(keyText, out var key, out fault))
            return false;
        SeenCheckpoint? seen = null;
        if (note.Length > 0 && !TryReadSeen(note, line, arrived, key, statement is null ? null : witness, out seen, out fault))
            return false;
        memory = new WitnessMemory(key, statement, seen);
        fault = null;
        return true;
    }

    /// <summary>One line of JSON.</summary>
    public byte[] Write() => JsonText.Line(JsonValue.Object(
    [
        ("format", JsonValue.Of(Format)),
        ("key", JsonValue.Of(Key.ToString())),
        ("statement", JsonValue.Array(Statement is { } statement ? [statement.ToJson()] : [])),
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
        if (Seen is not { } seen)
            return this with { Statement = statement };
        var arrived = Math.Min(seen.ArrivedSeconds, seconds);
        return new WitnessMemory(Key, statement, seen with
        {
            ArrivedSeconds = arrived,
            SignedSeconds = SeenCheckpoint.Credible(seen.SignedSeconds, arrived),
            // Its line says the time, too.
            Cosignature = statement is null || arrived != seen.ArrivedSeconds ? null : seen.Cosignature,
        });
    }

    /// <summary>What the revocation of the key that signed the statement does to it: what was seen stays, and nobody vouches for it.</summary>
    public WitnessMemory WithoutStatement() => this with { Statement = null, Seen = Seen is { } seen ? seen with { Cosignature = null } : null };

    /// <summary>A statement of an operator who is not one any more leaves the key pinned.</summary>
    private static LedgerKeyStatement? ReadStatement(MemberReader reader, string key, RootHistory roots)
    {
        if (reader.Array("statement", 1) is not [var json])
            return null;
        if (!LedgerKeyStatement.TryRead(json, out var statement, out var fault))
            reader.Refuse(fault);
        return statement is not null && statement.Key == key && roots.IsWord(statement) ? statement : null;
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
