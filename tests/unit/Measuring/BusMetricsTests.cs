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

    private static async Task<(string OnTrial, string PutBack)> Figures(BootAssessment? assessment)
    {
        var metrics = new BusMetrics(new MetricSources
        {
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
        var lines = (await metrics.TextAsync(TestContext.Current.CancellationToken)).Split('\n');
        string Of(string name) => lines.Single(line => line.StartsWith(name + " ", StringComparison.Ordinal))[(name.Length + 1)..];
        return (Of("qwamos_boot_trial_keys"), Of("qwamos_boot_put_back_keys"));
    }
}
