using System.Globalization;
using System.Text.Json;
using BenchmarkDotNet.Mathematics;
using BenchmarkDotNet.Reports;

namespace Qwamos.Micro;

/// <summary>bench/results/micro.json: the figures of each step, without anything of the machine that measured.</summary>
internal static class MicroResults
{
    private const int Format = 1;

    public static void Write(string path, string commit, Summary summary, TimeProvider time)
    {
        using var file = new FileStream(path, FileMode.Create);
        using (var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true, IndentSize = 1 }))
        {
            json.WriteStartObject();
            json.WriteNumber("format", Format);
            json.WriteString("date", time.GetUtcNow().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
            json.WriteString("commit", commit);
            json.WriteString("processor", summary.HostEnvironmentInfo.Cpu.Value?.ProcessorName);
            json.WriteString("runtime", summary.HostEnvironmentInfo.RuntimeVersion);
            json.WriteStartObject("steps");
            foreach (BenchmarkReport report in summary.Reports)
                WriteStep(json, report);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        file.Write("\n"u8);
    }

    private static void WriteStep(Utf8JsonWriter json, BenchmarkReport report)
    {
        Statistics measured = report.ResultStatistics!;
        json.WriteStartObject(report.BenchmarkCase.Descriptor.WorkloadMethodDisplayInfo.Trim('\''));
        json.WriteNumber("mean_ns", Math.Round(measured.Mean, 1));
        json.WriteNumber("median_ns", Math.Round(measured.Median, 1));
        json.WriteNumber("min_ns", Math.Round(measured.Min, 1));
        json.WriteNumber("max_ns", Math.Round(measured.Max, 1));
        json.WriteNumber("allocated_bytes", report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase) ?? 0);
        json.WriteEndObject();
    }
}
