using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>
/// A domain's word that a change is in force there, or that it is not (docs/formats/reports.md), signed by the domain's own key over
/// <c>"qwamos-in-force-v1\n"</c> and JCS of all members but the last. As read, nothing of it is believed.
/// </summary>
/// <param name="Domain">The domain's name, at most 64 characters.</param>
/// <param name="SystemId">32 lower-case hex digits.</param>
/// <param name="Entry">The change: its entry in Dom0's ledger.</param>
/// <param name="Keys">The policy keys that it set there and that nothing newer has set since: 1 to 64 names, in ordinal order.</param>
/// <param name="WhyNot">Why it is not in force, at most 256 code points; null when it is.</param>
/// <param name="TimeSeconds">When it was signed, by the domain's clock, unix seconds.</param>
/// <param name="Signature">88 characters of canonical base64: 64 bytes, Ed25519.</param>
public sealed record InForceStatement(string Domain, string SystemId, EntryReference Entry, IReadOnlyList<string> Keys, string? WhyNot, long TimeSeconds, string Signature)
{
    /// <summary>The state of a change that is in force.</summary>
    public const string InForce = "in_force";

    /// <summary>The state of one that is not.</summary>
    public const string Failed = "failed";

    /// <summary>Longest <see cref="WhyNot"/>; with every character escaped a leaf has room for it.</summary>
    public const int MaxWhyCodePoints = 256;

    private const string SignatureMember = "signature";
    private const int SystemDigits = ControlBus.Keys.SystemId.Digits;

    /// <summary>Signs one with the domain's own key.</summary>
    public static InForceStatement Sign(SigningKey key, string domain, string systemId, EntryReference entry, IEnumerable<string> keys, string? whyNot, long timeSeconds)
    {
        var statement = new InForceStatement(domain, systemId, entry, [.. keys.Order(StringComparer.Ordinal)], whyNot is null ? null : Text(whyNot), timeSeconds, "");
        return statement with { Signature = Convert.ToBase64String(key.Sign(statement.SignedBytes())) };
    }

    /// <summary>Reads the form; exactly these members.</summary>
    public static bool TryRead(JsonValue? json, [NotNullWhen(true)] out InForceStatement? statement, [NotNullWhen(false)] out string? fault)
    {
        statement = null;
        if (json is null || json.Kind != JsonKind.Object)
        {
            fault = "it is not an object";
            return false;
        }
        var reader = new MemberReader(json, "the statement");
        var domain = reader.Text("domain", Limits.MaxPageNameChars);
        var system = reader.Text("system", SystemDigits);
        var index = reader.Integer("index", 0, Limits.MaxSafeInteger);
        var leafHash = reader.Hash("leaf_hash");
        var keys = ReadKeys(reader);
        var state = reader.Text("state", Limits.MaxPageNameChars);
        var why = state == Failed ? reader.Text("why", MaxWhyCodePoints) : null;
        var time = reader.Integer("time", 0, Limits.MaxSafeInteger);
        var signature = reader.Text(SignatureMember, MaxWhyCodePoints);
        if (state is not (InForce or Failed))
            reader.Refuse("state is neither in_force nor failed");
        if (domain.Length == 0 || !LowerHex.Is(system, SystemDigits))
            reader.Refuse("domain is empty, or system is not 32 lower-case hex digits");
        if (!CanonicalBase64.TryDecode(signature, stackalloc byte[EnvelopeSignature.SizeBytes]))
            reader.Refuse("signature is not 88 characters of canonical base64");
        if (!reader.Finish(out fault))
            return false;
        statement = new InForceStatement(domain, system, new EntryReference(index, leafHash), keys, why, time, signature);
        return true;
    }

    /// <summary>Whether this key signed it.</summary>
    public bool IsSignedBy(VerifyingKey key)
    {
        Span<byte> signature = stackalloc byte[EnvelopeSignature.SizeBytes];
        return CanonicalBase64.TryDecode(Signature, signature) && key.Verify(SignedBytes(), signature);
    }

    /// <summary>The form that is sent and recorded: members in the order of the leaf.</summary>
    public JsonValue ToJson() => JsonValue.Object([.. Signed(), (SignatureMember, JsonValue.Of(Signature))]);

    /// <inheritdoc/>
    public bool Equals(InForceStatement? other) => other is not null && ToJson().Equals(other.ToJson());

    /// <inheritdoc/>
    public override int GetHashCode() => Signature.GetHashCode(StringComparison.Ordinal);

    private byte[] SignedBytes() => SigningPurposes.SignedBytes(SigningPurpose.InForce, CanonicalJson.Write(JsonValue.Object(Signed())));

    private IEnumerable<(string, JsonValue)> Signed() =>
    [
        ("domain", JsonValue.Of(Domain)),
        ("system", JsonValue.Of(SystemId)),
        ("index", JsonValue.Of(Entry.Index)),
        ("leaf_hash", JsonValue.Of(Entry.LeafHash)),
        ("keys", JsonValue.Array(Keys)),
        ("state", JsonValue.Of(WhyNot is null ? InForce : Failed)),
        .. WhyNot is null ? Array.Empty<(string, JsonValue)>() : [("why", JsonValue.Of(WhyNot))],
        ("time", JsonValue.Of(TimeSeconds)),
    ];

    /// <summary>In order, so that there is one way to write it.</summary>
    private static List<string> ReadKeys(MemberReader reader)
    {
        var keys = new List<string>();
        foreach (var item in reader.Array("keys", Limits.MaxArgs))
        {
            if (item.TryGetString(out var name) && name.Length is > 0 and <= Limits.MaxPolicyKeyNameBytes && (keys.Count == 0 || string.CompareOrdinal(name, keys[^1]) > 0))
                keys.Add(name);
            else
                reader.Refuse("keys holds something else than names, each once and in order");
        }
        if (keys.Count == 0)
            reader.Refuse("keys is empty");
        return keys;
    }

    private static string Text(string text) => CodePoints.Take(JsonValue.Shown(text).AsString, MaxWhyCodePoints);
}
