using Qwamos.ControlBus.Policy;
using Qwamos.Gateway.Enforcing;
using Xunit;

namespace Qwamos.ControlBus.Tests.Enforcing;

public sealed class EnforcementQueueTests
{
    private readonly EnforcementQueue _queue = new();

    [Fact]
    public void Values_OfDifferentKeys_ComeOutInOrder()
    {
        Add("RADIO_ISOLATION", "off", 1);
        Add("TOR_ISOLATION", "off", 2);
        Assert.Equal(["RADIO_ISOLATION=off", "TOR_ISOLATION=off"], TakeAll());
    }

    [Fact]
    public void LaterValue_OfAWaitingKey_TakesItsPlace()
    {
        Add("RADIO_ISOLATION", "off", 1);
        Add("TOR_ISOLATION", "off", 2);
        Add("RADIO_ISOLATION", "on", 3);
        Assert.Equal(["TOR_ISOLATION=off", "RADIO_ISOLATION=on"], TakeAll());
    }

    [Fact]
    public void Event_IsNeverMergedWithTheStatesAroundIt()
    {
        Add("GHOST.trigger", "armed", 1);
        Add("GHOST.trigger", "fire", 2, signed: 100);
        Add("GHOST.trigger", "fire", 3, signed: 101);
        Add("GHOST.trigger", "disarmed", 4);
        Assert.Equal(["GHOST.trigger=fire", "GHOST.trigger=fire", "GHOST.trigger=disarmed"], TakeAll());
    }

    [Fact]
    public void Events_AreBounded_AndStatesAreStillTaken()
    {
        for (int i = 0; i < EnforcementQueue.MaxEvents; i++)
            Assert.True(Add("GHOST.trigger", "fire", i, signed: 100));
        Assert.False(Add("GHOST.trigger", "fire", 99, signed: 100));
        Assert.True(Add("RADIO_ISOLATION", "on", 100));
        Assert.Equal(EnforcementQueue.MaxEvents + 1, _queue.Count);
        Assert.Equal(EnforcementQueue.MaxEvents + 1, TakeAll().Count);
    }

    private bool Add(string name, string value, long index, long? signed = null)
    {
        Assert.True(PolicySchema.BuiltIn.TryGet(name, out PolicyKey? key));
        return _queue.TryAdd(new Enforcement(key, PolicyValue.Of(value), index, signed));
    }

    private List<string> TakeAll()
    {
        var taken = new List<string>();
        while (_queue.TryTake(out Enforcement? next))
            taken.Add($"{next.Key}={next.Value}");
        return taken;
    }
}
