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

    public static byte[][] Make(string home, int count, TimeProvider time)
    {
        SignatureAlgorithm ed25519 = SignatureAlgorithm.Ed25519;
        using Key key = Key.Import(ed25519, File.ReadAllBytes(Path.Combine(home, "ed25519_sk")), KeyBlobFormat.RawPrivateKey);
        long now = time.GetUtcNow().ToUnixTimeSeconds();
        var requests = new byte[count][];
        Parallel.For(0, count, i =>
        {
            string nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
            string message = $$"""{"args":{"RADIO_IDLE_TIMEOUT_MIN":{{i % Values}}},"command":"set_policy","nonce":"{{nonce}}","timestamp":{{now}}}""";
            string signature = Convert.ToBase64String(ed25519.Sign(key, Encoding.ASCII.GetBytes(message)));
            requests[i] = Encoding.ASCII.GetBytes($$"""{"msg":{{message}},"signature":"{{signature}}"}""" + "\n");
        });
        return requests;
    }
}
