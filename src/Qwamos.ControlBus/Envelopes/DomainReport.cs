using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>
/// What a domain says of its policy keys now (docs/formats/reports.md), signed by the domain's own key over <c>"qwamos-report-v1\n"</c> and JCS. It names the nonce
/// that it was asked with, so that an older one cannot be shown in its place. As read, nothing of it is believed.
/// </summary>
/// <param name="SystemId">32 lower-case hex digits; empty where the domain has none.</param>
/// <param name="Domain">The domain's name.</param>
/// <param name="Class">Its class.</param>
/// <param name="Number">Another one when something changed; it grows until the domain starts anew.</param>
/// <param name="TimeSeconds">When it was made, by the domain's clock, unix seconds.</param>
/// <param name="Nonce">The one of the question.</param>
/// <param name="Keys">By name, at most 64.</param>
/// <param name="IsStale">It has seen no checkpoint for <see cref="Limits.CheckpointStaleSeconds"/>: what it has may be old.</param>
/// <param name="TrustVersion">The version of the trust root in force there, 0 while there is none; null from a program that does not say.</param>
public sealed record DomainReport(string SystemId, string Domain, string Class, long Number, long TimeSeconds, Nonce Nonce, IReadOnlyDictionary<string, ReportedKey> Keys, bool IsStale, long? TrustVersion)
{
    /// <summary>The signature that the domain's own key gives: 88 characters of canonical base64.</summary>
    public string Sign(SigningKey key) => Convert.ToBase64String(key.Sign(SignedBytes()));

    /// <summary>Reads the form; exactly these members, of which <c>trust_version</c> may be absent.</summary>
    public static bool TryRead(JsonValue json, [NotNullWhen(true)] out DomainReport? report, [NotNullWhen(false)] out string? fault)
    {
        report = null;
        var reader = new MemberReader(json, "the report");
        var system = reader.Text("system", Limits.MaxPageNameChars);
        var domain = reader.Text("domain", Limits.MaxPageNameChars);
        var @class = reader.Text("class", Limits.MaxPageNameChars);
        var number = reader.Integer("number", 0, Limits.MaxSafeInteger);
        var time = reader.Integer("time", 0, Limits.MaxSafeInteger);
        if (!Nonce.TryParse(reader.Text("nonce", Limits.MaxPageNameChars), out var nonce))
            reader.Refuse("the report: nonce is not 24 characters of canonical base64");
        var isStale = reader.Boolean("stale");
        long? trustVersion = reader.AnyIfPresent("trust_version") is null ? null : reader.Integer("trust_version", 0, Limits.MaxSafeInteger);
        var members = reader.Object("keys");
        if (members.Count > Limits.MaxPolicyKeys)
            reader.Refuse($"the report: keys has more than {Limits.MaxPolicyKeys} members");
        var keys = new Dictionary<string, ReportedKey>(StringComparer.Ordinal);
        foreach (var (name, value) in members.Take(Limits.MaxPolicyKeys))
        {
            if (name.Length is 0 or > Limits.MaxPolicyKeyNameBytes)
                reader.Refuse("the report: a key's name is empty or too long");
            keys[name] = ReportedKey.Read(name, value, reader);
        }
        if (!reader.Finish(out fault))
            return false;
        report = new DomainReport(system, domain, @class, number, time, nonce, keys, isStale, trustVersion);
        return true;
    }

    /// <summary>Whether a signature of it is this key's.</summary>
    public bool IsSignedBy(VerifyingKey key, string signature)
    {
        Span<byte> bytes = stackalloc byte[EnvelopeSignature.SizeBytes];
        return CanonicalBase64.TryDecode(signature, bytes) && key.Verify(SignedBytes(), bytes);
    }

    /// <summary>The form that is sent.</summary>
    public JsonValue ToJson() => JsonValue.Object(
    [
        ("system", JsonValue.Of(SystemId)),
        ("domain", JsonValue.Of(Domain)),
        ("class", JsonValue.Of(Class)),
        ("number", JsonValue.Of(Number)),
        ("time", JsonValue.Of(TimeSeconds)),
        ("nonce", JsonValue.Of(Nonce.ToString())),
        ("stale", JsonValue.Of(IsStale)),
        .. TrustVersion is { } version ? [("trust_version", JsonValue.Of(version))] : ReadOnlySpan<(string, JsonValue)>.Empty,
        ("keys", JsonValue.Object(Keys.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value.ToJson())))),
    ]);

    private byte[] SignedBytes() => SigningPurposes.SignedBytes(SigningPurpose.Report, CanonicalJson.Write(ToJson()));
}
