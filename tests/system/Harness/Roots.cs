using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Qwamos.SystemTests.Harness;

/// <summary>
/// Draws up and signs trust roots on its own, without the library under test (docs/formats/trust.md). A draft is the document as a JSON object, which tests may
/// change before it is signed; <see cref="Request"/> makes the bytes to send.
/// </summary>
internal sealed class Roots(string system)
{
    private const long YearSeconds = 365 * 86_400;
    private const string Purpose = "qwamos-trust-root-v1\n";

    /// <summary>The empty tree's root, which every ledger begins with.</summary>
    public static readonly string EmptyTree = Convert.ToHexStringLower(SHA256.HashData([]));

    /// <summary>This system's, read from a trial whose daemon or gateway has made its ID.</summary>
    public static Roots Of(Trial trial) => new(File.ReadAllText(trial.At("/etc/qwamos/system.id")).Trim());

    public string System => system;

    /// <summary>
    /// A version in which all holders are operators and sign the next version, one of each being enough, with a baseline of nothing. Several keys may be one holder's.
    /// </summary>
    public JsonObject Draft(long version, params (string Holder, TestSigner Key)[] keys)
    {
        long now = TestSigner.Now;
        var holders = new JsonObject();
        foreach (IGrouping<string, (string Holder, TestSigner Key)> holder in keys.GroupBy(key => key.Holder))
            holders[holder.Key] = new JsonArray([.. holder.Select(key => KeyOf(key.Key))]);
        string[] names = [.. keys.Select(key => key.Holder).Distinct()];
        return new JsonObject
        {
            ["format"] = 1,
            ["system"] = system,
            ["version"] = version,
            ["created"] = now,
            ["expires"] = now + YearSeconds,
            ["baseline"] = new JsonObject { ["size"] = 0, ["root_hash"] = EmptyTree, ["policy"] = new JsonObject() },
            ["holders"] = holders,
            ["roles"] = new JsonObject
            {
                ["root"] = Role(1, names),
                ["operator"] = Operator(1, names),
            },
            ["revoked"] = new JsonArray(),
        };
    }

    /// <summary>A holder's key.</summary>
    public static JsonObject KeyOf(TestSigner key) => new()
    {
        ["algorithm"] = "ed25519",
        ["key_id"] = key.KeyId,
        ["public_key"] = Convert.ToBase64String(key.PublicKey),
    };

    /// <summary>A role that grants nothing, as <c>root</c> does.</summary>
    public static JsonObject Role(int threshold, params string[] holders) => new()
    {
        ["holders"] = new JsonArray([.. holders.Select(name => JsonValue.Create(name))]),
        ["threshold"] = threshold,
    };

    /// <summary>A role that may sign every command and every key.</summary>
    public static JsonObject Operator(int threshold, params string[] holders)
    {
        JsonObject role = Role(threshold, holders);
        role["commands"] = new JsonArray("*");
        role["policy"] = new JsonArray(new JsonObject { ["key"] = "*" });
        return role;
    }

    /// <summary>An element of <c>revoked</c>.</summary>
    public static JsonObject Revoked(TestSigner key, long from) => new() { ["key_id"] = key.KeyId, ["from"] = from };

    /// <summary>The document and signatures under it: the <c>args</c> of <c>trust_root</c>, and a file's form.</summary>
    public static JsonObject Signed(JsonObject root, params TestSigner[] signers) => new()
    {
        ["root"] = root.DeepClone(),
        ["signatures"] = new JsonArray([.. signers.Select(signer => SignatureOf(root, signer))]),
    };

    /// <summary>An element of <c>signatures</c>.</summary>
    public static JsonObject SignatureOf(JsonObject root, TestSigner signer, string purpose = Purpose) => new()
    {
        ["key_id"] = signer.KeyId,
        ["signature"] = Convert.ToBase64String(signer.SignBytes(purpose + TestSigner.Canonical(root))),
    };

    /// <summary>SHA-256 of the document's canonical form, as status shows it.</summary>
    public static string Hash(JsonObject root) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(TestSigner.Canonical(root))));

    /// <summary>The bytes to send.</summary>
    public static byte[] Request(JsonObject root, params TestSigner[] signers) => Request(Signed(root, signers));

    /// <summary>The bytes to send.</summary>
    public static byte[] Request(JsonObject signed) =>
        Encoding.UTF8.GetBytes($"{{\"msg\":{TestSigner.Canonical(new JsonObject { ["args"] = signed.DeepClone(), ["command"] = "trust_root" })}}}\n");
}
