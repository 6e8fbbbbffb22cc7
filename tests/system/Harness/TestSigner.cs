using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using NSec.Cryptography;

namespace Qwamos.SystemTests.Harness;

/// <summary>
/// Signs requests on its own, without the library under test: canonical JSON is made by sorting members, which equals RFC 8785 for the
/// strings and integers that tests use.
/// </summary>
internal sealed class TestSigner
{
    private static readonly SignatureAlgorithm Ed25519 = SignatureAlgorithm.Ed25519;
    private readonly Key _key;

    private TestSigner(Key key) => _key = key;

    public byte[] PublicKey => _key.PublicKey.Export(KeyBlobFormat.RawPublicKey);

    public string KeyId =>
        Convert.ToHexStringLower(SHA256.HashData([.. Encoding.ASCII.GetBytes("qwamos-key\n"), 0x01, .. PublicKey]));

    public static long Now => DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    public static TestSigner FromSeed(byte[] seed) => new(Key.Import(Ed25519, seed, KeyBlobFormat.RawPrivateKey));

    public static TestSigner Fresh() => FromSeed(RandomNumberGenerator.GetBytes(32));

    public static string FreshNonce() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));

    /// <summary>A fresh <c>set_policy</c> message as a JSON object that tests may change before signing.</summary>
    public static JsonObject Draft(string argsJson, long? timestamp = null) => new()
    {
        ["command"] = "set_policy",
        ["args"] = JsonNode.Parse(argsJson),
        ["nonce"] = FreshNonce(),
        ["timestamp"] = timestamp ?? Now,
    };

    public byte[] SetPolicy(string argsJson, long? timestamp = null) => Request(Draft(argsJson, timestamp));

    /// <summary>The bytes to send for <paramref name="message"/>.</summary>
    public byte[] Request(JsonObject message)
    {
        string canonical = Canonical(message);
        return Encoding.UTF8.GetBytes($"{{\"msg\":{canonical},\"signature\":\"{Convert.ToBase64String(SignBytes(canonical))}\"}}\n");
    }

    /// <summary>A message with a list of signatures, each with its key's ID.</summary>
    public static byte[] RequestBy(JsonObject message, params TestSigner[] signers)
    {
        string canonical = Canonical(message);
        string list = string.Join(',', signers.Select(signer => $"{{\"key_id\":\"{signer.KeyId}\",\"signature\":\"{Convert.ToBase64String(signer.SignBytes(canonical))}\"}}"));
        return Encoding.UTF8.GetBytes($"{{\"msg\":{canonical},\"signatures\":[{list}]}}\n");
    }

    public byte[] SignBytes(string canonical) => Ed25519.Sign(_key, Encoding.UTF8.GetBytes(canonical));

    public static string Canonical(JsonNode? node) => node switch
    {
        JsonObject members => "{" + string.Join(',', members.OrderBy(m => m.Key, StringComparer.Ordinal)
            .Select(m => Text(m.Key) + ":" + Canonical(m.Value))) + "}",
        JsonArray items => "[" + string.Join(',', items.Select(Canonical)) + "]",
        null => "null",
        JsonValue value when value.TryGetValue(out string? text) => Text(text),
        _ => node.ToJsonString(),
    };

    /// <summary>A string with the escapes of RFC 8785 and no other: the framework's writer would also escape the <c>+</c> of a nonce.</summary>
    private static string Text(string text)
    {
        var written = new StringBuilder("\"");
        foreach (char c in text)
        {
            _ = c switch
            {
                '"' or '\\' => written.Append('\\').Append(c),
                '\b' => written.Append("\\b"),
                '\t' => written.Append("\\t"),
                '\n' => written.Append("\\n"),
                '\f' => written.Append("\\f"),
                '\r' => written.Append("\\r"),
                < ' ' => written.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => written.Append(c),
            };
        }

        return written.Append('"').ToString();
    }
}
