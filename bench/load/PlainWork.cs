using System.Diagnostics;
using System.Globalization;
using NSec.Cryptography;

namespace Qwamos.Load;

/// <summary>
/// What this machine's cores do with nothing else: verify the signatures of such messages, and multiply. Where two threads multiply less than
/// twice as fast as one, something else took the cores meanwhile.
/// </summary>
internal static class PlainWork
{
    private const int MultiplicationsATurn = 1_000_000;
    private static readonly TimeSpan MultiplyTime = TimeSpan.FromMilliseconds(300);

    /// <summary>One line of JSON.</summary>
    public static string Verify(string home, int count, int threads, TimeProvider time)
    {
        var signed = new (byte[] Message, byte[] Signature)[count];
        SignedRequests.ForEachSigned(home, count, time, (i, message, signature) => signed[i] = (message, signature));
        using Key key = SignedRequests.LoadKey(home);
        PublicKey verifier = key.PublicKey;
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        double seconds = OnThreads(threads, number =>
        {
            for (int i = number; i < count; i += threads)
                if (!SignatureAlgorithm.Ed25519.Verify(verifier, signed[i].Message, signed[i].Signature))
                    throw new InvalidOperationException("a signature that was just made does not hold");
        });
        cpu = Environment.CpuUsage.TotalTime - cpu;
        return string.Create(CultureInfo.InvariantCulture,
            $$"""{"verified":{{count}},"threads":{{threads}},"seconds":{{seconds:F4}},"per_second":{{count / seconds:F1}},"cpu_us":{{cpu.TotalMicroseconds / count:F3}}}""");
    }

    /// <summary>One line of JSON.</summary>
    public static string Multiply(int threads)
    {
        long done = 0;
        double seconds = OnThreads(threads, _ =>
        {
            var clock = Stopwatch.StartNew();
            ulong product = 3;
            while (clock.Elapsed < MultiplyTime)
            {
                for (int i = 0; i < MultiplicationsATurn; i++)
                    product = unchecked(product * 6_364_136_223_846_793_005 + 1);
                Interlocked.Add(ref done, MultiplicationsATurn);
            }
            GC.KeepAlive(product);
        });
        return string.Create(CultureInfo.InvariantCulture, $$"""{"threads":{{threads}},"seconds":{{seconds:F4}},"per_second":{{done / seconds:F0}}}""");
    }

    private static double OnThreads(int count, Action<int> work)
    {
        Thread[] threads = [.. Enumerable.Range(0, count).Select(number => new Thread(() => work(number)))];
        var clock = Stopwatch.StartNew();
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        return clock.Elapsed.TotalSeconds;
    }
}
