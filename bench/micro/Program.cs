using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Qwamos.Micro;

/// <summary>Measures the steps of one change by themselves, prints BenchmarkDotNet's table, and keeps the figures; bench/micro/run calls it.</summary>
internal static class Program
{
    private const int Warmups = 3;
    private const int Iterations = 12;

    private static int Main(string[] arguments)
    {
        if (arguments is not [var results, var commit, var artifacts])
        {
            Console.Error.WriteLine("usage: qwamos-micro RESULTS-FILE COMMIT FOLDER");
            return 1;
        }
        // In this process: what BenchmarkDotNet would build beside it would not know the settings of these sources.
        Job job = Job.Default.WithToolchain(InProcessEmitToolchain.Instance).WithWarmupCount(Warmups).WithIterationCount(Iterations);
        IConfig config = DefaultConfig.Instance.AddJob(job).WithArtifactsPath(artifacts);
        Summary summary = BenchmarkRunner.Run<Steps>(config);
        if (summary.HasCriticalValidationErrors || summary.Reports.Any(report => !report.Success))
            return 1;
        MicroResults.Write(results, commit, summary, TimeProvider.System);
        return 0;
    }
}
