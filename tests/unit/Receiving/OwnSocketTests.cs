using Qwamos.ControlBus.Tests.Delivery;
using Qwamos.ControlBus.Tests.Listening;
using Qwamos.Gateway;
using Xunit;

namespace Qwamos.ControlBus.Tests.Receiving;

public sealed class OwnSocketTests
{
    [Fact]
    public async Task Attack23_DaemonThatAnswersAByteAtATime_IsGivenTenSecondsForAllOfIt()
    {
        string folder = Directory.CreateTempSubdirectory("qw-status-").FullName;
        try
        {
            var time = new ManualTime(1_800_000_000);
            int sent = 0;
            using var gateway = new FakeGateway(Path.Combine(folder, "sock"), async socket =>
            {
                while (true)
                {
                    await socket.SendAsync("x"u8.ToArray());
                    sent++;
                    time.Advance(1);
                    await Task.Delay(1);
                }
            });
            Task<byte[]> asked = OwnSocket.AskAsync(Path.Combine(folder, "sock"), "get_status", time);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
            Assert.True(sent >= 9);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
