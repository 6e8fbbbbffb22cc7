using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.Daemon.Delivery;
using Xunit;

namespace Qwamos.ControlBus.Tests.Delivery;

/// <summary>What is kept of a domain is read again, as an earlier program wrote it, too.</summary>
public sealed class DomainRowTests
{
    [Theory]
    [InlineData("report")]
    [InlineData("key")]
    [InlineData("stale")]
    [InlineData("lacks")]
    [InlineData("undelivered")]
    [InlineData("gap")]
    public void ARowOfBeforeThereWereReportsKeepsWhatItHas(string member)
    {
        var report = new ReportRow(5, new Dictionary<string, ReportedKey>(), null, false, "") { Lacks = new Dictionary<string, LackedKey> { ["RADIO_ISOLATION"] = new(8, JsonValue.Of("on")) } };
        var row = new DomainRow { Sequence = 7, Index = 9, HasNext = true, HasGap = true, Missed = new DomainRow().Missed.Add("VPN_KILL_SWITCH", 9), Key = new string('a', 64), Report = report };
        Assert.True(DomainRow.TryRead(Without(row.ToJson(), member), out DomainRow read, out string fault), fault);
        Assert.Equal((7, 9), (read.Sequence, read.Index));
        Assert.Equal(9, read.Missed["VPN_KILL_SWITCH"]);
        Assert.Equal(member == "report", read.Report is null);
        Assert.Equal(member == "key", read.Key is null);
        Assert.Equal((member != "undelivered", member != "gap"), (read.HasNext, read.HasGap));
        Assert.Equal(member is "lacks" or "report" ? [] : report.Lacks, read.Report?.Lacks ?? new Dictionary<string, LackedKey>());
    }

    private static JsonValue Without(JsonValue json, string member) => JsonValue.Object(
        json.Members.Where(pair => pair.Key != member).Select(pair => (pair.Key, pair.Key == "report" ? Without(pair.Value, member) : pair.Value)));
}
