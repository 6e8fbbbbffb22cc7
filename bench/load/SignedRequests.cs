using System.Security.Cryptography;
using System.Text;
using NSec.Cryptography;

namespace Qwamos.Load;

/// <summary>
/// Requests made and signed before the clock starts. Written against the wire rather than the library, so that the daemon is not
/// measured with its own code beside it; every message sets one runtime key to a new value, all with one timestamp.
/// </summary>
internal static class SignedRequests
{
    private const int Values = 1_000;

    /// <summary>Each with a nonce of its own, signed by the key of <paramref name="home"/>, or by one that nobody knows; for a system, as with a trust root, where one is given.</summary>
    public static RequestStore Make(string? home, string system, int count, TimeProvider time)
    {
        var requests = new byte[count][];
        string keyId = system.Length == 0 ? "" : KeyId(home!);
        ForEachSigned(home, count, time, (i, message, signature) =>
        {
            string text = Convert.ToBase64String(signature);
            string beside = system.Length == 0 ? $"\"signature\":\"{text}\"" : $"\"signatures\":[{{\"key_id\":\"{keyId}\",\"signature\":\"{text}\"}}]";
            requests[i] = Encoding.ASCII.GetBytes($"{{\"msg\":{Encoding.ASCII.GetString(message)},{beside}}}\n");
        }, system);
        return new RequestStore(requests);
    }

    /// <summary>Gives each message's canonical bytes and its signature, on all cores.</summary>
    public static void ForEachSigned(string? home, int count, TimeProvider time, Action<int, byte[], byte[]> take, string system = "")
    {
        using Key key = home is null ? Key.Create(SignatureAlgorithm.Ed25519) : LoadKey(home);
        long now = time.GetUtcNow().ToUnixTimeSeconds();
        string named = system.Length == 0 ? "" : $"\"system\":\"{system}\",";
        Parallel.For(0, count, i =>
        {
            string nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
            byte[] message = Encoding.ASCII.GetBytes(
                $$"""{"args":{"RADIO_IDLE_TIMEOUT_MIN":{{i % Values}}},"command":"set_policy","nonce":"{{nonce}}",{{named}}"timestamp":{{now}}}""");
            take(i, message, SignatureAlgorithm.Ed25519.Sign(key, message));
        });
    }

    private static string KeyId(string home)
    {
        using Key key = LoadKey(home);
        return Convert.ToHexStringLower(SHA256.HashData([.. "qwamos-key\n"u8, 1, .. key.PublicKey.Export(KeyBlobFormat.RawPublicKey)]));
    }

    public static Key LoadKey(string home) =>
        Key.Import(SignatureAlgorithm.Ed25519, File.ReadAllBytes(Path.Combine(home, "ed25519_sk")), KeyBlobFormat.RawPrivateKey);
}
