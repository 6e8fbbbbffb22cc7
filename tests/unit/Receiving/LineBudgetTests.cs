using Qwamos.ControlBus.Tests.Listening;
using Qwamos.Gateway.Receiving;
using Xunit;

namespace Qwamos.ControlBus.Tests.Receiving;

public sealed class LineBudgetTests
{
    [Fact]
    public void Attack23_FloodOfLines_IsCountedInsteadOfLogged()
    {
        var time = new ManualTime();
        var budget = new LineBudget(time);
        int written = Enumerable.Range(0, 1_000).Count(_ => budget.TryTake(out long _));
        Assert.Equal(LineBudget.MaxLinesPerWindow, written);
        time.Advance(10);
        Assert.True(budget.TryTake(out long leftOut));
        Assert.Equal(1_000 - LineBudget.MaxLinesPerWindow, leftOut);
        Assert.True(budget.TryTake(out leftOut));
        Assert.Equal(0, leftOut);
    }
}
