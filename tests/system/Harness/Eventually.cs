using System.Diagnostics;

namespace Qwamos.SystemTests.Harness;

/// <summary>Waits for a real program to reach a state; bounded, and says what did not happen.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static void True(Func<bool> condition, string what, Func<string>? detail = null, TimeSpan? patience = null)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            TimeSpan limit = patience ?? Patience;
            if (watch.Elapsed > limit)
                throw new TimeoutException($"did not happen within {limit.TotalSeconds} s: {what}\n{detail?.Invoke()}");
            Thread.Sleep(10);
        }
    }
}
