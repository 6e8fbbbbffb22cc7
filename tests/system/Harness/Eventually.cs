using System.Diagnostics;

namespace Qwamos.SystemTests.Harness;

/// <summary>Waits for a real program to reach a state; bounded, and says what did not happen.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static void True(Func<bool> condition, string what, Func<string>? detail = null)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            if (watch.Elapsed > Patience)
                throw new TimeoutException($"did not happen within {Patience.TotalSeconds} s: {what}\n{detail?.Invoke()}");
            Thread.Sleep(10);
        }
    }
}
