using System.Globalization;

namespace Qwamos.Load;

/// <summary>What one run measured. Latencies are from connect (or send, pipelined) to the end of the answer.</summary>
internal sealed record LoadResult(int Answered, int Refused, string FirstRefusal, TimeSpan Elapsed, TimeSpan[] Latencies)
{
    public string ToJson()
    {
        TimeSpan[] sorted = [.. Latencies.Order()];
        double At(double share) => sorted.Length == 0 ? 0 : sorted[(int)(share * (sorted.Length - 1))].TotalMilliseconds;
        return string.Create(CultureInfo.InvariantCulture,
            $$"""{"answered":{{Answered}},"refused":{{Refused}},"seconds":{{Elapsed.TotalSeconds:F3}},"per_second":{{Answered / Elapsed.TotalSeconds:F0}},"p50_ms":{{At(0.5):F2}},"p99_ms":{{At(0.99):F2}},"max_ms":{{At(1):F2}}}""");
    }
}
