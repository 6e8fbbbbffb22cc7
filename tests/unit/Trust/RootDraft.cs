using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;
using Xunit;

namespace Qwamos.ControlBus.Tests.Trust;

/// <summary>A trust root to be drawn up, as a document that tests may spoil.</summary>
internal sealed record RootDraft
{
    public const string ThisSystem = "00112233445566778899aabbccddeeff";
    public const long Created = 1_700_000_000;
    public const long Year = 365 * 86_400;

    public long Version { get; init; } = 1;

    public string System { get; init; } = ThisSystem;

    public long CreatedSeconds { get; init; } = Created;

    public long ExpiresSeconds { get; init; } = Created + Year;

    public IReadOnlyList<(string Name, VerifyingKey[] Keys)> Holders { get; init; } = [];

    /// <summary>Name to the JSON text of the role.</summary>
    public IReadOnlyList<(string Name, string Json)> Roles { get; init; } = [];

    public IReadOnlyList<(KeyId Key, long From)> Revoked { get; init; } = [];

    /// <summary>One holder, who may do everything.</summary>
    public static RootDraft Single(string name, params VerifyingKey[] keys) => new()
    {
        Holders = [(name, keys)],
        Roles = [("root", Role([name], 1)), ("operator", Role([name], 1, "\"commands\":[\"*\"],\"policy\":[{\"key\":\"*\"}]"))],
    };

    public static string Role(IEnumerable<string> holders, int threshold, string more = "") =>
        $$"""{"holders":[{{string.Join(',', holders.Select(name => $"\"{name}\""))}}],"threshold":{{threshold}}{{(more.Length > 0 ? "," : "")}}{{more}}}""";

    public string Text()
    {
        string holders = string.Join(',', Holders.Select(holder => $"\"{holder.Name}\":[{string.Join(',', holder.Keys.Select(Key))}]"));
        string roles = string.Join(',', Roles.Select(role => $"\"{role.Name}\":{role.Json}"));
        string revoked = string.Join(',', Revoked.Select(pair => $$"""{"key_id":"{{pair.Key}}","from":{{pair.From}}}"""));
        return $$$"""
            {"format":1,"system":"{{{System}}}","version":{{{Version}}},"created":{{{CreatedSeconds}}},"expires":{{{ExpiresSeconds}}},
             "baseline":{"size":0,"root_hash":"{{{new string('e', 64)}}}","policy":{"gateway":"{{{new string('0', 64)}}}"}},
             "holders":{{{"{" + holders + "}"}}},"roles":{{{"{" + roles + "}"}}},"revoked":[{{{revoked}}}]}
            """;
    }

    public SignedRoot Signed(params SigningKey[] keys) => Signed(Text(), keys);

    public TrustRoot Root() => Signed().Root;

    public static SignedRoot Signed(string text, params SigningKey[] keys)
    {
        Assert.True(TryRead(text, out var signed, out string? fault), fault);
        foreach (var key in keys)
            signed = signed.With(key);
        return signed;
    }

    public static bool TryRead(string text, [global::System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SignedRoot? signed, out string? fault)
    {
        Assert.True(StrictJson.TryParse(global::System.Text.Encoding.UTF8.GetBytes(text), out var document, out fault), fault);
        return SignedRoot.TryRead(JsonValue.Object([("root", document), ("signatures", JsonValue.Array(Array.Empty<JsonValue>()))]), out signed, out fault, mayBeUnsigned: true);
    }

    private static string Key(VerifyingKey key) => $$"""{"algorithm":"ed25519","key_id":"{{key.Id}}","public_key":"{{Convert.ToBase64String(key.Raw)}}"}""";
}
