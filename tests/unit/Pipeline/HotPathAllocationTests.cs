using System.Net.Sockets;
using Xunit;

namespace Qwamos.ControlBus.Tests.Pipeline;

/// <summary>
/// What one accepted change leaves for the garbage collector, from the socket to its answer. Alone, because it counts what the whole process
/// allocates.
/// </summary>
[Collection(nameof(Alone))]
public sealed class HotPathAllocationTests
{
    private const int Window = 32;
    private const int Windows = 64;

    /// <summary>Seen: 4,800 to 5,400 bytes, with batches small and great.</summary>
    private const int MostBytesARequest = 6_500;

    [Fact]
    public async Task An_accepted_change_allocates_little()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync(replayCapacity: 10 * Window * Windows, maxWaiting: 10 * Window);
        byte[][] windows = [.. Enumerable.Range(0, 2 * Windows).Select(_ => Make(bus))];
        using Socket socket = bus.Connect();
        byte[] answers = new byte[65_536];
        foreach (byte[] window in windows[..Windows])
            Exchange(socket, window, answers);
        long[] taken = [.. windows[Windows..].Select(window => Allocated(socket, window, answers)).Order()];
        // On a busy machine some windows become many small batches, which cost more; what the way itself allocates shows in the others.
        long bytes = taken[Windows / 4] / Window;
        Assert.Equal(2 * Windows * Window, bus.Ledger.Size);
        Assert.InRange(bytes, 1, MostBytesARequest);
    }

    private static byte[] Make(PipelineTrial bus) =>
        [.. Enumerable.Range(0, Window).SelectMany(_ => bus.Change("""{"RADIO_IDLE_TIMEOUT_MIN":7}"""))];

    private static long Allocated(Socket socket, byte[] window, byte[] answers)
    {
        long before = GC.GetTotalAllocatedBytes(precise: true);
        Exchange(socket, window, answers);
        return GC.GetTotalAllocatedBytes(precise: true) - before;
    }

    private static void Exchange(Socket socket, byte[] window, byte[] answers)
    {
        socket.Send(window);
        for (int lines = 0; lines < Window;)
            lines += answers.AsSpan(0, socket.Receive(answers)).Count((byte)'\n');
    }
}
