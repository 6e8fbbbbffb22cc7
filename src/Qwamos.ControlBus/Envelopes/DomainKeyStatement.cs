using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>
/// An operator's word that a key is a domain's own, or that it is so no more (docs/formats/reports.md). It carries its own signature, over
/// <c>"qwamos-domain-v1\n"</c> and JCS of all its members but the last two. As read, nothing of it is believed.
/// </summary>
/// <param name="Name">The domain's name, at most 64 characters.</param>
/// <param name="Class">Its class of policy keys, at most 64 characters.</param>
/// <param name="Key">The raw Ed25519 public key, 64 lower-case hex digits; whether it is a valid one is not looked at.</param>
/// <param name="TlsKey">The fingerprint of the key by which its link over TLS is believed, SHA-256 of the SubjectPublicKeyInfo, 64 lower-case hex digits; null where it has none.</param>
/// <param name="SystemId">32 lower-case hex digits.</param>
/// <param name="TimestampSeconds">When it was signed, unix seconds: of two statements about a domain the later one counts.</param>
/// <param name="IsRevoked">The domain has no key from now on; <paramref name="Key"/> is the one that it had.</param>
/// <param name="Signer">The operator's key.</param>
/// <param name="Signature">88 characters of canonical base64: 64 bytes, Ed25519.</param>
public sealed record DomainKeyStatement(string Name, string Class, string Key, string? TlsKey, string SystemId, long TimestampSeconds, bool IsRevoked, KeyId Signer, string Signature)
{
    /// <summary>Of a raw public key in hexadecimal.</summary>
    private const int KeyDigits = 2 * VerifyingKey.SizeBytes;

    private const string RevokedMember = "revoked";
    private const string TlsMember = "tls_key";
    private const int MembersOfAll = 7;

    /// <summary>Signs one.</summary>
    public static DomainKeyStatement Sign(SigningKey signer, string name, string @class, string key, string systemId, long timestampSeconds, bool isRevoked, string? tlsKey = null)
    {
        var statement = new DomainKeyStatement(name, @class, key, tlsKey, systemId, timestampSeconds, isRevoked, signer.Id, "");
        return statement with { Signature = Convert.ToBase64String(signer.Sign(statement.SignedBytes())) };
    }

    /// <summary>Reads the form; exactly these members.</summary>
    public static bool TryRead(JsonValue? json, [NotNullWhen(true)] out DomainKeyStatement? statement, [NotNullWhen(false)] out string? fault)
    {
        statement = null;
        fault = "it is not an object of exactly name, class, key, system, timestamp, key_id and signature, and, perhaps, tls_key or revoked";
        string? tlsKey = null;
        if (json is null || json.Kind != JsonKind.Object || !TryRevoked(json, out var isRevoked) || (json.TryGet(TlsMember, out _) && (isRevoked || !TryText(json, TlsMember, out tlsKey!)))
            || json.Members.Length != MembersOfAll + (isRevoked || json.TryGet(TlsMember, out _) ? 1 : 0)
            || !TryText(json, "name", out var name) || !TryText(json, "class", out var @class) || !TryText(json, "key", out var key) || !TryText(json, "system", out var system)
            || !TryText(json, "key_id", out var id) || !TryText(json, "signature", out var signature) || !json.TryGet("timestamp", out var time))
            return false;
        fault = !time.TryGetInteger(out var seconds) || seconds < 0 ? "timestamp is not an integer from 0 on"
            : !IsName(name) ? "name is not 1 to 64 characters from U+0021 to U+007E"
            : !IsName(@class) ? "class is not 1 to 64 characters from U+0021 to U+007E"
            : !IsKey(key) ? "key is not 64 lower-case hex digits"
            : tlsKey is not null && !IsKey(tlsKey) ? "tls_key is not 64 lower-case hex digits"
            : !LowerHex.Is(system, Keys.SystemId.Digits) ? "system is not 32 lower-case hex digits"
            : !KeyId.TryParse(id, out _) ? "key_id is not 64 lower-case hex digits"
            : !CanonicalBase64.TryDecode(signature, stackalloc byte[EnvelopeSignature.SizeBytes]) ? "signature is not 88 characters of canonical base64"
            : null;
        if (fault is not null)
            return false;
        statement = new DomainKeyStatement(name, @class, key, tlsKey, system, seconds, isRevoked, KeyId.TryParse(id, out var signer) ? signer : default, signature);
        return true;
    }

    /// <summary>Whether the operator's key that it names signed it.</summary>
    public bool IsSignedBy(VerifyingKey key)
    {
        Span<byte> signature = stackalloc byte[EnvelopeSignature.SizeBytes];
        return key.Id == Signer && CanonicalBase64.TryDecode(Signature, signature) && key.Verify(SignedBytes(), signature);
    }

    /// <summary>The domain's key, which the domain's word is verified with; false with a sentence for bytes that are none.</summary>
    public bool TryLoadKey([NotNullWhen(true)] out VerifyingKey? key, [NotNullWhen(false)] out string? fault) =>
        VerifyingKey.TryLoad(Convert.FromHexString(Key), out key, out fault);

    /// <summary>Whether a text has the form of <see cref="Key"/>.</summary>
    public static bool IsKey(string text) => LowerHex.Is(text, KeyDigits);

    /// <summary>What people compare on both sides: the key's ID.</summary>
    public string Fingerprint => FingerprintOf(Key);

    /// <summary>The fingerprint of a raw public key, 64 lower-case hex digits.</summary>
    public static string FingerprintOf(string key) => KeyId.Of(KeyType.Ed25519, Convert.FromHexString(key)).ToString();

    /// <summary>The form that is sent, recorded and shown: members in the order of the leaf.</summary>
    public JsonValue ToJson() => JsonValue.Object([.. Signed(), ("key_id", JsonValue.Of(Signer.ToString())), ("signature", JsonValue.Of(Signature))]);

    private byte[] SignedBytes() => SigningPurposes.SignedBytes(SigningPurpose.Domain, CanonicalJson.Write(JsonValue.Object(Signed())));

    private IEnumerable<(string, JsonValue)> Signed() =>
    [
        ("name", JsonValue.Of(Name)),
        ("class", JsonValue.Of(Class)),
        ("key", JsonValue.Of(Key)),
        ("system", JsonValue.Of(SystemId)),
        ("timestamp", JsonValue.Of(TimestampSeconds)),
        .. TlsKey is null ? Array.Empty<(string, JsonValue)>() : [(TlsMember, JsonValue.Of(TlsKey))],
        .. IsRevoked ? [(RevokedMember, JsonValue.Of(true))] : Array.Empty<(string, JsonValue)>(),
    ];

    /// <summary>There is one way to say that it stands, which is to leave the member out.</summary>
    private static bool TryRevoked(JsonValue json, out bool isRevoked)
    {
        isRevoked = json.TryGet(RevokedMember, out var value);
        return !isRevoked || value is { Kind: JsonKind.Boolean, AsBoolean: true };
    }

    private static bool IsName(string text) => text.Length is > 0 and <= Limits.MaxPageNameChars && !text.AsSpan().ContainsAnyExceptInRange('\u0021', '\u007e');

    private static bool TryText(JsonValue json, string name, out string text)
    {
        text = "";
        return json.TryGet(name, out var value) && value.TryGetString(out text!);
    }
}
