using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>
/// The <c>args</c> of <c>checkpoint</c>: what a witness is offered (docs/formats/audit.md). The note carries the ledger's own signature, so it
/// holds whoever brings it. As read, nothing of it is believed.
/// </summary>
/// <param name="Note">A signed note.</param>
/// <param name="Key">The verifier key it is to be checked with, one line.</param>
/// <param name="Old">The size of the tree that the proof starts from: the one the witness saw last, 0 before the first.</param>
/// <param name="Proof">RFC 6962's consistency proof from there: at most 64 hashes of 32 bytes.</param>
public sealed record CheckpointOffer(string Note, string Key, long Old, IReadOnlyList<byte[]> Proof)
{
    private const int Members = 4;
    private const int HashBytes = 32;

    /// <summary>Reads the form: exactly these members.</summary>
    public static bool TryRead(JsonValue? json, [NotNullWhen(true)] out CheckpointOffer? offer, [NotNullWhen(false)] out string? fault)
    {
        offer = null;
        fault = "it is not an object of exactly checkpoint, key, old and proof: two texts, a number from 0 on, and a list";
        if (json is null || json.Kind != JsonKind.Object || json.Members.Length != Members
            || !json.TryGet("checkpoint", out var note) || note.Kind != JsonKind.String
            || !json.TryGet("key", out var key) || key.Kind != JsonKind.String
            || !json.TryGet("old", out var old) || !old.TryGetInteger(out var size) || size < 0
            || !json.TryGet("proof", out var proof) || proof.Kind != JsonKind.Array)
            return false;
        fault = $"proof is not a list of at most {Limits.MaxProofHashes} hashes in canonical base64";
        if (!CanonicalBase64.TryDecodeHashes(proof, HashBytes, out var hashes))
            return false;
        offer = new CheckpointOffer(note.AsString, key.AsString, size, hashes);
        fault = null;
        return true;
    }

    /// <summary>The form that is sent.</summary>
    public JsonValue ToJson() => JsonValue.Object(
    [
        ("checkpoint", JsonValue.Of(Note)),
        ("key", JsonValue.Of(Key)),
        ("old", JsonValue.Of(Old)),
        ("proof", JsonValue.Array(Proof.Select(Convert.ToBase64String))),
    ]);
}
