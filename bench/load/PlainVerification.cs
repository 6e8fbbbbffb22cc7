using System.Diagnostics;
using System.Globalization;
using NSec.Cryptography;

namespace Qwamos.Load;

/// <summary>How fast this machine's cores verify the signatures of such messages and do nothing else: what a verification of a ledger is held against.</summary>
internal static class PlainVerification
{
    /// <summary>One line of JSON.</summary>
    public static string Measure(string home, int count, TimeProvider time)
    {
        var signed = new (byte[] Message, byte[] Signature)[count];
        SignedRequests.ForEachSigned(home, count, time, (i, message, signature) => signed[i] = (message, signature));
        using Key key = SignedRequests.LoadKey(home);
        PublicKey verifier = key.PublicKey;
        var clock = Stopwatch.StartNew();
        Parallel.ForEach(signed, each =>
        {
            if (!SignatureAlgorithm.Ed25519.Verify(verifier, each.Message, each.Signature))
                throw new InvalidOperationException("a signature that was just made does not hold");
        });
        return string.Create(CultureInfo.InvariantCulture,
            $$"""{"verified":{{count}},"seconds":{{clock.Elapsed.TotalSeconds:F3}},"per_second":{{count / clock.Elapsed.TotalSeconds:F0}}}""");
    }
}
