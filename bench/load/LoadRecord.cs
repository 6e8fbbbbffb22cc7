using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using HdrHistogram;

namespace Qwamos.Load;

/// <summary>What one run measured.</summary>
internal sealed class LoadRecord
{
    private const long MaxNanoseconds = 120_000_000_000;
    private const int Digits = 3;
    private static readonly double[] Percentiles = [0, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 99.9, 99.99, 100];

    private readonly LongHistogram _nanoseconds = new(1, MaxNanoseconds, Digits);
    private int _accepted;
    private int _refused;
    private string _firstRefusal = "";

    public TimeSpan Elapsed { get; set; }

    public TimeSpan ServerCpu { get; set; }

    public TimeSpan ClientCpu { get; set; }

    public int Sent { get; set; }

    /// <summary>What a request has, in the mean and without a line end after it; 0 where it was not counted.</summary>
    public double RequestBytes { get; set; }

    public int Answered => _accepted + _refused;

    public void Add(Outcome outcome, ReadOnlySpan<byte> answer, long ticks)
    {
        _nanoseconds.RecordValue(Math.Clamp((long)(ticks * (1e9 / Stopwatch.Frequency)), 1, MaxNanoseconds));
        if (outcome == Outcome.Accepted)
            _accepted++;
        else if (_refused++ == 0)
            _firstRefusal = Encoding.UTF8.GetString(answer);
    }

    /// <summary>One line.</summary>
    public string ToJson()
    {
        string Per(TimeSpan time) => (time.TotalMicroseconds / Math.Max(1, Answered)).ToString("F3", CultureInfo.InvariantCulture);
        string At(double percentile) => (_nanoseconds.GetValueAtPercentile(percentile) / 1000.0).ToString("F1", CultureInfo.InvariantCulture);
        string curve = string.Join(',', Percentiles.Select(percentile => string.Create(CultureInfo.InvariantCulture, $"[{percentile},{At(percentile)}]")));
        return string.Create(CultureInfo.InvariantCulture, $$"""
            {"sent":{{Sent}},"accepted":{{_accepted}},"refused":{{_refused}},"first_refusal":"{{JsonEncodedText.Encode(_firstRefusal)}}","seconds":{{Elapsed.TotalSeconds:F4}},
            "per_second":{{_accepted / Elapsed.TotalSeconds:F1}},"p50_us":{{At(50)}},"p99_us":{{At(99)}},"max_us":{{At(100)}},"curve_us":[{{curve}}],
            "request_bytes":{{RequestBytes:F1}},"server_cpu_us":{{Per(ServerCpu)}},"client_cpu_us":{{Per(ClientCpu)}}}
            """).ReplaceLineEndings("");
    }
}
