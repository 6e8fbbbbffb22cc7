using System.Globalization;
using Qwamos.ControlBus.Hosting.Running;
using Xunit;

namespace Qwamos.ControlBus.Tests.Running;

public sealed class WatchdogTests
{
    [Fact]
    public void ThreeBeatsFitIntoTheManagersPatience()
    {
        string own = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        Assert.Equal(TimeSpan.FromSeconds(10), ServiceNotifier.WatchdogInterval("30000000", own));
        Assert.Equal(TimeSpan.FromSeconds(10), ServiceNotifier.WatchdogInterval("30000000", null));
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("0", null)]
    [InlineData("", null)]
    [InlineData("-3", null)]
    [InlineData("30000000", "1")]
    public void NobodyAsked_NoBeats(string? microseconds, string? pid) => Assert.Null(ServiceNotifier.WatchdogInterval(microseconds, pid));
}
