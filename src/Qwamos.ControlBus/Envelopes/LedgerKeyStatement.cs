using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>
/// An operator's word that a verifier key is the one of a system's ledger (docs/formats/audit.md). It carries its own signature, over
/// <c>"qwamos-ledger-key-v1\n"</c> and JCS of key, system and timestamp, so that it holds whoever brings it. As read, nothing of it is believed.
/// </summary>
/// <param name="Key">The verifier key, one line without its newline: <c>qwamos/SYSTEM-ID+8 hex digits+base64</c>, at most 128 characters.</param>
/// <param name="SystemId">32 lower-case hex digits, the ones in <paramref name="Key"/>.</param>
/// <param name="TimestampSeconds">When it was signed, unix seconds: of two statements the later one counts.</param>
/// <param name="Signer">The operator's key.</param>
/// <param name="Signature">88 characters of canonical base64: 64 bytes, Ed25519.</param>
public sealed record LedgerKeyStatement(string Key, string SystemId, long TimestampSeconds, KeyId Signer, string Signature)
{
    /// <summary>What a ledger's verifier key begins with, before the system's ID.</summary>
    internal const string KeyPrefix = "qwamos/";

    private const int Members = 5;

    /// <summary>Signs one.</summary>
    public static LedgerKeyStatement Sign(SigningKey signer, string key, string systemId, long timestampSeconds)
    {
        var statement = new LedgerKeyStatement(key, systemId, timestampSeconds, signer.Id, "");
        return statement with { Signature = Convert.ToBase64String(signer.Sign(statement.SignedBytes())) };
    }

    /// <summary>Reads the form; exactly these members, and the key must be named for the system.</summary>
    public static bool TryRead(JsonValue? json, [NotNullWhen(true)] out LedgerKeyStatement? statement, [NotNullWhen(false)] out string? fault)
    {
        statement = null;
        fault = "it is not an object of exactly key, system, timestamp, key_id and signature";
        if (json is null || json.Kind != JsonKind.Object || json.Members.Length != Members
            || !TryText(json, "key", out var key) || !TryText(json, "system", out var system) || !TryText(json, "key_id", out var id)
            || !TryText(json, "signature", out var signature) || !json.TryGet("timestamp", out var time))
            return false;
        fault = !time.TryGetInteger(out var seconds) || seconds < 0 ? "timestamp is not an integer from 0 on"
            : !LowerHex.Is(system, Keys.SystemId.Digits) ? "system is not 32 lower-case hex digits"
            : !KeyId.TryParse(id, out _) ? "key_id is not 64 lower-case hex digits"
            : !CanonicalBase64.TryDecode(signature, stackalloc byte[EnvelopeSignature.SizeBytes]) ? "signature is not 88 characters of canonical base64"
            : !IsKeyOf(key, system) ? "key is not a verifier key that is named for the system: qwamos/SYSTEM-ID+8 hex digits+base64"
            : null;
        if (fault is not null)
            return false;
        statement = new LedgerKeyStatement(key, system, seconds, KeyId.TryParse(id, out var signer) ? signer : default, signature);
        return true;
    }

    /// <summary>Whether the operator's key that it names signed it.</summary>
    public bool IsSignedBy(VerifyingKey key)
    {
        Span<byte> signature = stackalloc byte[EnvelopeSignature.SizeBytes];
        return key.Id == Signer && CanonicalBase64.TryDecode(Signature, signature) && key.Verify(SignedBytes(), signature);
    }

    /// <summary>The form that is sent, recorded and shown: members in the order of the leaf.</summary>
    public JsonValue ToJson() => JsonValue.Object(
    [
        ("key", JsonValue.Of(Key)),
        ("system", JsonValue.Of(SystemId)),
        ("timestamp", JsonValue.Of(TimestampSeconds)),
        ("key_id", JsonValue.Of(Signer.ToString())),
        ("signature", JsonValue.Of(Signature)),
    ]);

    private byte[] SignedBytes() => SigningPurposes.SignedBytes(SigningPurpose.LedgerKey, CanonicalJson.Write(JsonValue.Object(
    [
        ("key", JsonValue.Of(Key)),
        ("system", JsonValue.Of(SystemId)),
        ("timestamp", JsonValue.Of(TimestampSeconds)),
    ])));

    private static bool IsKeyOf(string key, string system) =>
        key.Length <= Limits.MaxVerifierKeyChars
        && key.StartsWith($"{KeyPrefix}{system}+", StringComparison.Ordinal)
        && !key.AsSpan().ContainsAnyExceptInRange('\u0021', '\u007e');

    private static bool TryText(JsonValue json, string name, out string text)
    {
        text = "";
        return json.TryGet(name, out var value) && value.TryGetString(out text!);
    }
}
