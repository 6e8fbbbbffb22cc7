using System.Net.Sockets;
using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Listening;
using Xunit;

namespace Qwamos.ControlBus.Tests.Listening;

public sealed class BusConnectionTests
{
    [Fact]
    public async Task A_request_gets_its_answer_without_a_newline_or_end_of_stream()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        using Socket client = bus.Connect();
        client.SendText("{\"a\":1}");
        Assert.Equal("{\"a\":1}", client.ReadLine());
    }

    [Fact]
    public async Task Pipelined_requests_with_any_white_space_between_are_answered_in_order()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        using Socket client = bus.Connect();
        client.SendText(" \t\r\n{\"a\":1}{\"a\":2}\n\n{\"a\":3} ");
        Assert.Equal(["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"], [client.ReadLine(), client.ReadLine(), client.ReadLine()]);
    }

    [Fact]
    public async Task Answers_completed_in_reverse_leave_in_the_order_of_the_requests()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        bus.OnRequest = (_, _) => { };
        using Socket client = bus.Connect();
        client.SendText("{\"a\":1}{\"a\":2}{\"a\":3}");
        (BusRequest Request, string Text)[] taken = [bus.Received.Take(), bus.Received.Take(), bus.Received.Take()];
        foreach ((BusRequest request, string text) in taken.Reverse())
            request.Answer(Encoding.UTF8.GetBytes(text + "\n"));
        Assert.Equal(["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"], [client.ReadLine(), client.ReadLine(), client.ReadLine()]);
    }

    [Fact]
    public async Task An_answer_made_at_the_head_is_made_after_the_answers_before_it()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        string state = "before";
        bus.OnRequest = (request, text) =>
        {
            if (text.Contains("status", StringComparison.Ordinal))
                request.AnswerAtHead(() => Task.FromResult<ReadOnlyMemory<byte>>(Encoding.UTF8.GetBytes(state + "\n")));
        };
        using Socket client = bus.Connect();
        client.SendText("{\"a\":1}{\"status\":1}");
        BusRequest first = bus.Received.Take().Request;
        bus.Received.Take();
        state = "after";
        first.Answer("one\n"u8.ToArray());
        Assert.Equal(["one", "after"], [client.ReadLine(), client.ReadLine()]);
    }

    [Fact]
    public async Task Peers_that_end_their_sending_still_get_every_answer_and_then_the_end()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        bus.OnRequest = (_, _) => { };
        using Socket client = bus.Connect();
        client.SendText("{\"a\":1}{\"a\":2}");
        client.Shutdown(SocketShutdown.Send);
        (BusRequest Request, string Text)[] taken = [bus.Received.Take(), bus.Received.Take()];
        foreach ((BusRequest request, string text) in taken)
            request.Answer(Encoding.UTF8.GetBytes(text + "\n"));
        Assert.Equal(["{\"a\":1}", "{\"a\":2}", null], [client.ReadLine(), client.ReadLine(), client.ReadLine()]);
    }

    [Fact]
    public async Task A_stream_that_ends_inside_a_request_is_answered_once_and_requests_before_it_stand()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        using Socket client = bus.Connect();
        client.SendText("{\"a\":1}{\"a\":");
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal(["{\"a\":1}", "NotJson", null], [client.ReadLine(), client.ReadLine(), client.ReadLine()]);
    }

    [Theory]
    [InlineData("x")]
    [InlineData("[{}]")]
    [InlineData("\uFEFF{}")]
    [InlineData("{]")]
    public async Task Attack20_bytes_that_are_no_request_are_answered_once_then_closed(string bad)
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        using Socket client = bus.Connect();
        client.SendText("{\"a\":1}" + bad + "{\"a\":2}");
        Assert.Equal(["{\"a\":1}", "NotJson", null], [client.ReadLine(), client.ReadLine(), client.ReadLine()]);
        Assert.Single(bus.Received);
    }

    [Fact]
    public async Task Attack20_depth_bomb_and_the_61441st_byte_are_refused()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        using Socket bomb = bus.Connect();
        bomb.SendText("{\"a\":" + new string('[', 100_000));
        Assert.Equal(["NotJson", null], [bomb.ReadLine(), bomb.ReadLine()]);

        string longest = "{\"a\":\"" + new string('x', Limits.MaxRequestBytes - 8) + "\"}";
        using Socket client = bus.Connect();
        client.SendText(longest);
        Assert.Equal(longest, client.ReadLine());
        client.SendText("{\"a\":\"" + new string('x', Limits.MaxRequestBytes - 7) + "\"}");
        Assert.Equal(["TooLarge", null], [client.ReadLine(), client.ReadLine()]);
    }

    [Fact]
    public async Task Attack20_a_peer_that_sends_a_megabyte_still_reads_its_refusal()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        using Socket client = bus.Connect();
        client.SendText("{\"a\":\"" + new string('x', 900_000) + "\"}");
        Assert.Equal(["TooLarge", null], [client.ReadLine(), client.ReadLine()]);
    }

    [Fact]
    public async Task A_handler_that_closes_takes_nothing_after()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        bus.OnRequest = (request, _) => request.AnswerAndClose("no\n"u8.ToArray());
        using Socket client = bus.Connect();
        client.SendText("{}{}");
        Assert.Equal(["no", null], [client.ReadLine(), client.ReadLine()]);
        Assert.Single(bus.Received);
    }

    [Fact]
    public async Task Attack23_a_request_sent_byte_by_byte_arrives_whole()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        using Socket client = bus.Connect();
        foreach (char c in "  {\"a\":[\"}\",\"\\\"{\"]}")
            client.SendText(c.ToString());
        Assert.Equal("{\"a\":[\"}\",\"\\\"{\"]}", client.ReadLine());
    }

    [Fact]
    public async Task Attack23_half_a_request_is_closed_after_ten_seconds_and_others_are_served()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        using Socket slow = bus.Connect();
        using Socket other = bus.Connect();
        slow.SendText("{\"a\":1}{\"a\":");
        Assert.Equal("{\"a\":1}", slow.ReadLine());
        await AdvanceUntilClosedAsync(bus, slow, Limits.RequestTimeoutSeconds);
        other.SendText("{\"b\":1}");
        Assert.Equal("{\"b\":1}", other.ReadLine());
    }

    [Fact]
    public async Task Attack23_a_silent_connection_is_closed_after_sixty_seconds_but_not_one_that_waits_for_its_answer()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        bus.OnRequest = (_, _) => { };
        using Socket waiting = bus.Connect();
        waiting.SendText("{\"a\":1}");
        BusRequest request = bus.Received.Take().Request;
        using Socket silent = bus.Connect();
        silent.SendText("  \n");
        await AdvanceUntilClosedAsync(bus, silent, Limits.IdleTimeoutSeconds);
        request.Answer("late\n"u8.ToArray());
        Assert.Equal("late", waiting.ReadLine());
    }

    [Fact]
    public async Task A_request_begun_late_in_an_idle_connection_has_its_ten_seconds()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        bus.OnRequest = (request, _) => request.Answer("done\n"u8.ToArray());
        using Socket late = bus.Connect();
        bus.WaitForConnections(1);
        for (int i = 0; i < Limits.IdleTimeoutSeconds - 3; i++)
            bus.Pass(1);
        late.SendText("{\"a\"");
        bus.WaitForUnfinishedBytes(4);
        for (int i = 0; i < 6; i++)
            bus.Pass(1);
        late.SendText(":1}");
        Assert.Equal("done", late.ReadLine());
    }

    [Fact]
    public async Task Attack23_one_uid_holds_at_most_its_share_of_the_connections()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync(maxConnections: 20_000);
        Assert.True(Enumerable.Range(0, 15_000).All(_ => bus.Listener.Shares.TryEnter(4)));
        Assert.False(bus.Listener.Shares.TryEnter(4));
        Assert.True(bus.Listener.Shares.TryEnter(5));
        bus.Listener.Shares.Leave(4);
        Assert.True(bus.Listener.Shares.TryEnter(4));
    }

    [Fact]
    public async Task Attack23_a_connection_over_the_share_of_its_uid_is_closed_at_once()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync(maxConnections: 1);
        uint uid = Posix.EffectiveUid;
        Assert.True(bus.Listener.Shares.TryEnter(uid));
        using Socket refused = bus.Connect();
        Assert.Null(refused.ReadLine());
        bus.Listener.Shares.Leave(uid);
        using Socket served = bus.Connect();
        served.SendText("{}");
        Assert.Equal("{}", served.ReadLine());
    }

    [Fact]
    public async Task Attack23_half_requests_of_one_uid_hold_bounded_memory()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        uint uid = Posix.EffectiveUid;
        // As the connection that holds them: what a uid holds is forgotten with its last connection.
        Assert.True(bus.Listener.Shares.TryEnter(uid));
        Assert.True(bus.Listener.Shares.TryHold(uid, Limits.MaxUnfinishedBytesPerUid));
        using Socket over = bus.Connect();
        over.SendText("{\"a\"");
        Assert.Null(over.ReadLine());
        Assert.True(bus.Listener.Shares.TryHold(uid, -Limits.MaxUnfinishedBytesPerUid));
        using Socket served = bus.Connect();
        served.SendText("{\"a\"");
        bus.WaitForUnfinishedBytes(4);
        served.SendText(":1}");
        Assert.Equal("{\"a\":1}", served.ReadLine());
        // Its answer may leave before the connection has counted that nothing is left.
        bus.WaitForUnfinishedBytes(0);
    }

    [Fact]
    public async Task Reading_stops_at_sixty_four_unanswered_requests_and_goes_on_when_one_is_answered()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        bus.OnRequest = (_, _) => { };
        using Socket client = bus.Connect();
        client.SendText(string.Concat(Enumerable.Repeat("{}", 65)));
        BusRequest first = bus.Received.Take().Request;
        for (int i = 1; i < Limits.MaxUnansweredPerConnection; i++)
            bus.Received.Take();
        Assert.Empty(bus.Received);
        first.Answer("x\n"u8.ToArray());
        Assert.Equal("x", client.ReadLine());
        bus.Received.Take();
    }

    [Fact]
    public async Task Attack24_a_peer_that_never_reads_is_closed_and_holds_no_more_than_its_unanswered_requests()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        byte[] line = Encoding.ASCII.GetBytes(new string('y', 60_000) + "\n");
        int answered = 0;
        bus.OnRequest = (request, _) =>
        {
            Interlocked.Increment(ref answered);
            request.Answer(line);
        };
        using Socket deaf = bus.Connect();
        deaf.Blocking = false;
        byte[] requests = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("{}", 1_000)));
        deaf.Send(requests);
        // The kernel's buffers hold a few answers; of the rest at most 64 are taken from the peer.
        await EventuallyAsync(() => Volatile.Read(ref answered) >= Limits.MaxUnansweredPerConnection);
        for (int i = 0; i < 200 && bus.Listener.ConnectionCount > 0; i++)
        {
            bus.Pass(1);
            await Task.Delay(10);
        }
        Assert.Equal(0, bus.Listener.ConnectionCount);
        Assert.InRange(answered, Limits.MaxUnansweredPerConnection, 2 * Limits.MaxUnansweredPerConnection);
    }

    [Fact]
    public async Task Attack23_connections_beyond_the_limit_wait_and_are_served_when_others_leave()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync(maxConnections: 2);
        Socket first = bus.Connect();
        using Socket second = bus.Connect();
        using Socket third = bus.Connect();
        first.SendText("{}");
        second.SendText("{}");
        Assert.Equal(["{}", "{}"], [first.ReadLine(), second.ReadLine()]);
        third.SendText("{\"third\":1}");
        first.Dispose();
        Assert.Equal("{\"third\":1}", third.ReadLine());
    }

    [Fact]
    public async Task Attack26_credentials_are_the_kernels()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        using Socket client = bus.Connect();
        client.SendText("{}");
        PeerCredentials peer = bus.Received.Take().Request.Peer;
        Assert.Equal(new PeerCredentials(Posix.EffectiveUid, Posix.EffectiveGid, Environment.ProcessId), peer);
    }

    [Fact]
    public async Task Stop_answers_what_was_taken_and_takes_nothing_more()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        bus.OnRequest = (_, _) => { };
        using Socket client = bus.Connect();
        client.SendText("{\"a\":1}{\"half\":");
        BusRequest request = bus.Received.Take().Request;
        Task stopped = bus.Listener.StopAsync(TimeSpan.FromSeconds(60));
        request.Answer("done\n"u8.ToArray());
        Assert.Equal(["done", null], [client.ReadLine(), client.ReadLine()]);
        await stopped;
        Assert.Throws<SocketException>(bus.Connect);
    }

    [Fact]
    public async Task A_request_is_answered_only_once()
    {
        await using ListenerFixture bus = await ListenerFixture.StartAsync();
        using Socket client = bus.Connect();
        client.SendText("{}");
        BusRequest request = bus.Received.Take().Request;
        Assert.Equal("{}", client.ReadLine());
        Assert.Throws<InvalidOperationException>(() => request.Answer("again\n"u8.ToArray()));
    }

    private static async Task AdvanceUntilClosedAsync(ListenerFixture bus, Socket closing, int seconds)
    {
        // The bytes sent last may not be read yet: the time runs from when they are, so the end may come later, never earlier.
        bus.Pass(seconds - 1);
        Assert.False(closing.Poll(0, SelectMode.SelectRead));
        for (int i = 0; i < 200 && !closing.Poll(0, SelectMode.SelectRead); i++)
        {
            bus.Pass(1);
            await Task.Delay(10);
        }
        Assert.Null(closing.ReadLine());
    }

    private static async Task EventuallyAsync(Func<bool> condition)
    {
        for (int i = 0; i < 2_000 && !condition(); i++)
            await Task.Delay(5);
        Assert.True(condition());
    }
}
