using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>ATTACK 23: who says nothing, or not all of it. A class of its own, for these tests wait most of the time, and others run beside them.</summary>
public sealed class SilenceTests : IDisposable
{
    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void Attack23_HalfARequest_IsClosedWithinItsTime_AndAStreamEndInsideIsBadJson()
    {
        _trial.StartDaemon();
        using BusClient half = _trial.Connect();
        half.Send("{\"msg\":");
        using BusClient ended = _trial.Connect();
        ended.Send("{\"msg\":");
        ended.EndSending();
        Assert.Equal("bad_json", ended.Read().Code());
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        string? line;
        do
            line = half.ReadLine();
        while (line is not null);
        Assert.Equal("ok", _trial.Status().Code());
    }

    [Fact]
    public void Attack23_SilentConnection_IsClosedAfterAMinute_AndOneThatAskedBeforeIsToo()
    {
        _trial.StartDaemon();
        using BusClient silent = _trial.Connect();
        using BusClient asked = _trial.Connect();
        Assert.Equal("ok", asked.Ask("""{"msg":{"command":"get_status"}}"""u8).Code());
        foreach (BusClient client in (BusClient[])[silent, asked])
        {
            client.Socket.ReceiveTimeout = 120_000;
            Assert.Null(client.ReadLine());
        }

        Assert.Equal("ok", _trial.Status().Code());
    }
}
