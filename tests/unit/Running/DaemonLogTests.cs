using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;
using Qwamos.ControlBus.Hosting.Running;
using Qwamos.ControlBus.Tests.Listening;
using Xunit;

namespace Qwamos.ControlBus.Tests.Running;

public sealed class DaemonLogTests
{
    [Fact]
    public void Lines_come_out_in_order_before_the_log_ends()
    {
        var output = new MemoryStream();
        using (var log = new DaemonLog(line => output.Write(line), LogFormat.Text, new ManualTime()))
        {
            for (int i = 0; i < 100; i++)
                Log(log, $"line {i}");
        }

        string[] lines = Encoding.UTF8.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"line {i}"), lines.Select(line => line[line.IndexOf("line", StringComparison.Ordinal)..]));
    }

    [Fact]
    public void Attack38_a_reader_that_hangs_stops_nobody_and_what_is_dropped_is_counted_and_said()
    {
        const int Lines = 5_000;
        var output = new HungStream();
        using var log = new DaemonLog(line => output.Write(line), LogFormat.Text, new ManualTime());
        Log(log, "first");
        Assert.True(output.Entered.Wait(TimeSpan.FromSeconds(20)));
        for (int i = 0; i < Lines; i++)
            Log(log, "more");
        output.Goes.Set();
        string[] written = output.WaitFor(line => line.Contains("dropped", StringComparison.Ordinal), Limits.MaxWaitingLogLines + 2);
        string report = Assert.Single(written, line => line.Contains("dropped", StringComparison.Ordinal));
        Assert.Contains($" {Lines - Limits.MaxWaitingLogLines} log lines were dropped", report);
    }

    [Fact]
    public void An_entry_of_the_journal_has_the_values_of_its_message_as_fields_and_each_is_one_line()
    {
        var output = new MemoryStream();
        using (var log = new DaemonLog(line => output.Write(line), LogFormat.Journal, new ManualTime()))
            new Qwamos.Daemon.LogMessages(log).DeliveryRefused("vault", 7, "no\nPRIORITY=0\u001b[2J");

        string[] fields = Encoding.UTF8.GetString(output.ToArray()).Split('\n');
        Assert.Equal(@"MESSAGE=gateway vault refuses entry 7: no\u{0A}PRIORITY=0\u{1B}[2J", fields[0]);
        Assert.Equal(["PRIORITY=3", "QWAMOS_DOMAIN=vault", "QWAMOS_EVENT=DeliveryRefused", "QWAMOS_EVENT_ID=42", "QWAMOS_INDEX=7", @"QWAMOS_REASON=no\u{0A}PRIORITY=0\u{1B}[2J"],
            fields[1..^1].Where(field => !field.StartsWith("SYSLOG_IDENTIFIER=", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Equal("", fields[^1]);
    }

    [Fact]
    public void The_journal_gets_a_datagram_an_entry_and_stderr_the_message_where_there_is_no_journal()
    {
        string folder = Directory.CreateTempSubdirectory("qwj-").FullName;
        try
        {
            string path = Path.Combine(folder, "socket");
            var stderr = new MemoryStream();
            using var socket = new JournalSocket(path, stderr);
            socket.Send("MESSAGE=one\nPRIORITY=6\n"u8.ToArray());
            Assert.Equal("one\n", Encoding.UTF8.GetString(stderr.ToArray()));

            using var journal = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            journal.Bind(new UnixDomainSocketEndPoint(path));
            socket.Send("MESSAGE=two\nPRIORITY=6\n"u8.ToArray());
            byte[] buffer = new byte[100];
            Assert.Equal("MESSAGE=two\nPRIORITY=6\n", Encoding.UTF8.GetString(buffer, 0, journal.Receive(buffer)));
            Assert.Equal("one\n", Encoding.UTF8.GetString(stderr.ToArray()));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Attack38_a_journal_that_hangs_does_not_hold_up_a_stop()
    {
        string folder = Directory.CreateTempSubdirectory("qwj-").FullName;
        try
        {
            string path = Path.Combine(folder, "socket");
            using var journal = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            journal.Bind(new UnixDomainSocketEndPoint(path));
            using (var others = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false })
                Assert.Equal(SocketError.WouldBlock, Assert.Throws<SocketException>(() => Fill(others, path)).SocketErrorCode);
            using var socket = new JournalSocket(path, Stream.Null);
            var lines = new LogLines(socket.Send, _ => []);
            lines.Add("MESSAGE=last\n"u8.ToArray());
            Assert.False(lines.End());

            // Its thread goes on when the journal does.
            byte[] buffer = new byte[100];
            string received = "";
            while (received != "MESSAGE=last\n")
                received = Encoding.UTF8.GetString(buffer, 0, journal.Receive(buffer));
            Assert.True(SpinWait.SpinUntil(lines.End, TimeSpan.FromSeconds(20)));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Fill(Socket socket, string path)
    {
        while (true)
            socket.SendTo("MESSAGE=other\n"u8, new UnixDomainSocketEndPoint(path));
    }

    private static void Log(DaemonLog log, string text) => log.Log(LogLevel.Information, default, text, null, (state, _) => state);

    /// <summary>Takes the first line only when told to.</summary>
    private sealed class HungStream : MemoryStream
    {
        private readonly List<string> _lines = [];

        public ManualResetEventSlim Entered { get; } = new();

        public ManualResetEventSlim Goes { get; } = new();

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            Entered.Set();
            Goes.Wait();
            lock (_lines)
            {
                _lines.Add(Encoding.UTF8.GetString(buffer));
                Monitor.PulseAll(_lines);
            }
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public string[] WaitFor(Predicate<string> wanted, int count)
        {
            lock (_lines)
            {
                while (!_lines.Exists(wanted) || _lines.Count < count)
                    Assert.True(Monitor.Wait(_lines, TimeSpan.FromSeconds(20)), $"{_lines.Count} lines were written");
                return [.. _lines];
            }
        }
    }
}
