using System.Diagnostics;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.Daemon.Measuring;
using Xunit;

namespace Qwamos.ControlBus.Tests.Measuring;

/// <summary>What the figures say of boots; the others are read from a published daemon.</summary>
public sealed class BusMetricsTests
{
    private static readonly Applied Strict = new(PolicyValue.Of("strict"), 3);

    [Fact]
    public async Task Keys_on_trial_and_keys_that_were_put_back_are_counted()
    {
        Assert.Equal(("0", "0"), await Figures(BootAssessment.Empty));
        var onTrial = BootAssessment.Empty.Try("KERNEL_HARDENING", Strict, BootResult.InForce, null, "b1", 2);
        Assert.Equal(("1", "0"), await Figures(onTrial));
        Assert.Equal(("0", "0"), await Figures(onTrial.Complete("b1", (_, _) => true)));
        Assert.Equal(("0", "1"), await Figures(onTrial.Return(new PutBack("KERNEL_HARDENING", Strict, null, BootResult.InForce, "why"), "b3")));
        Assert.Equal(("NaN", "NaN"), await Figures(null));
    }

    [Fact]
    public async Task Times_of_a_stage_are_told_once_with_their_own_sum()
    {
        var times = new StageTimes();
        BusMetrics metrics = Make(BootAssessment.Empty, times);
        long millisecond = Stopwatch.Frequency / 1_000;
        times.Add(RequestStage.Commit, 0, 3 * millisecond);
        times.Add(RequestStage.Commit, 0, 4 * millisecond);
        await Lines(metrics);
        times.Add(RequestStage.Commit, 0, 500 * millisecond);
        Func<string, string> of = await Lines(metrics);
        Assert.Equal("3", of("qwamos_stage_seconds_count{stage=\"commit\"}"));
        Assert.Equal("0.507", of("qwamos_stage_seconds_sum{stage=\"commit\"}"));
        Assert.Equal("2", of("qwamos_stage_seconds_bucket{stage=\"commit\",le=\"0.00512\"}"));
        Assert.Equal("0", of("qwamos_stage_seconds_count{stage=\"answer\"}"));
    }

    private static async Task<(string OnTrial, string PutBack)> Figures(BootAssessment? assessment)
    {
        Func<string, string> of = await Lines(Make(assessment, new StageTimes()));
        return (of("qwamos_boot_trial_keys"), of("qwamos_boot_put_back_keys"));
    }

    private static async Task<Func<string, string>> Lines(BusMetrics metrics)
    {
        var lines = (await metrics.TextAsync(TestContext.Current.CancellationToken)).Split('\n');
        return name => lines.Single(line => line.StartsWith(name + " ", StringComparison.Ordinal))[(name.Length + 1)..];
    }

    private static BusMetrics Make(BootAssessment? assessment, StageTimes times) =>
        new(new MetricSources
        {
            Stages = times,
            Counts = () => new RequestCounts(),
            Published = () => new PublishedState(PolicyState.Empty, new MerkleTree(), 0),
            Domains = () => [],
            Unfinished = () => 0,
            Waiting = () => 0,
            Connections = () => 0,
            LedgerBytes = () => 0,
            CheckpointAgeSeconds = () => 0,
            IsFull = () => false,
            ProjectionFault = () => null,
            Assessment = () => assessment,
            NowSeconds = () => 0,
        });
}
