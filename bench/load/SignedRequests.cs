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

    /// <summary>Each with a nonce of its own, signed by the key of <paramref name="home"/>, or by one that nobody knows.</summary>
    public static RequestStore Make(string? home, int count, TimeProvider time)
    {
        var requests = new byte[count][];
        ForEachSigned(home, count, time, (i, message, signature) =>
            requests[i] = Encoding.ASCII.GetBytes($$"""{"msg":{{Encoding.ASCII.GetString(message)}},"signature":"{{Convert.ToBase64String(signature)}}"}""" + "\n"));
        return new RequestStore(requests);
    }

    /// <summary>Gives each message's canonical bytes and its signature, on all cores.</summary>
    public static void ForEachSigned(string? home, int count, TimeProvider time, Action<int, byte[], byte[]> take)
    {
        using Key key = home is null ? Key.Create(SignatureAlgorithm.Ed25519) : LoadKey(home);
        long now = time.GetUtcNow().ToUnixTimeSeconds();
        Parallel.For(0, count, i =>
        {
            string nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
            byte[] message = Encoding.ASCII.GetBytes(
                $$"""{"args":{"RADIO_IDLE_TIMEOUT_MIN":{{i % Values}}},"command":"set_policy","nonce":"{{nonce}}","timestamp":{{now}}}""");
            take(i, message, SignatureAlgorithm.Ed25519.Sign(key, message));
        });
    }

    public static Key LoadKey(string home) =>
        Key.Import(SignatureAlgorithm.Ed25519, File.ReadAllBytes(Path.Combine(home, "ed25519_sk")), KeyBlobFormat.RawPrivateKey);
}
