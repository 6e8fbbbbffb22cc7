using System.Text;
using Qwamos.Client;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

public sealed class ReachingTests : IDisposable
{
    private readonly ClientTrial trial = new();

    public void Dispose() => trial.Dispose();

    [Fact]
    public void No_daemon_exits_3_and_says_how_to_start_one()
    {
        Assert.Equal(3, trial.Run("status", "-o", "json"));
        Assert.Contains($"there is no socket {trial.Socket}: is the daemon started?", trial.Error);
        Assert.Contains($"\n  No key is enrolled here, and before that none starts: qwamosd --root {trial.Root} enroll FILE, with the file ed25519_pk of your key home; then start it: qwamosd --root {trial.Root}\n", trial.Error);
        Assert.Contains("\"code\":\"not_reachable\"", trial.Output);
        using SigningKey enrolled = SigningKey.Generate();
        trial.Enrol(enrolled.Public);
        Assert.Equal(3, trial.Run("status"));
        Assert.Contains($"\n  Start it: qwamosd --root {trial.Root}\n", trial.Error);
    }

    [Fact]
    public void Commands_that_are_proposed_have_the_places_that_this_one_was_told_of()
    {
        Assert.Equal(2, trial.Run("set", "RADIO_ISOLATON", "on"));
        Assert.Contains($"\n  All keys: qwamosctl --root {trial.Root} --home {trial.Home} --socket {trial.Socket} keys\n", trial.Error);
        Assert.Equal(2, trial.RunBare(["set", "RADIO_ISOLATON", "on"]));
        Assert.Contains("\n  All keys: qwamosctl keys\n", trial.Error);
        Assert.Equal(3, trial.RunBare(["status", "--socket", trial.Socket]));
        Assert.Contains("sudo systemctl start qwamosd; for a trial: qwamosd --root DIR", trial.Error);
    }

    [Theory]
    [InlineData("backup")]
    [InlineData("audit export")]
    public void Folder_that_is_missing_is_named_with_the_command_that_makes_it(string command)
    {
        var folder = Path.Combine(trial.Root, "a folder");
        Assert.Equal(1, trial.Run([.. command.Split(' '), Path.Combine(folder, "new")]));
        Assert.Equal($"qwamosctl: there is no folder {folder}.\n  Make it first: mkdir -p '{folder}'\n", trial.Error);
        trial.Write("a folder", "");
        Assert.Equal(1, trial.Run([.. command.Split(' '), Path.Combine(folder, "new")]));
        Assert.Contains("is not a folder", trial.Error);
    }

    [Fact]
    public void What_is_not_a_socket_is_called_so()
    {
        trial.Write("bus.sock", "");
        Assert.Equal(3, trial.Run("status"));
        Assert.Contains("is a file, not a socket", trial.Error);
        Assert.Equal(3, trial.RunBare(["status", "--socket", trial.Root]));
        Assert.Contains("is a directory, not a socket", trial.Error);
    }

    [Fact]
    public void A_dead_daemons_socket_exits_3()
    {
        using (new FakeBus(trial.Socket + ".was", "{}"))
            File.Move(trial.Socket + ".was", trial.Socket);
        Assert.Equal(3, trial.Run("status"));
        Assert.Contains("no daemon answers", trial.Error);
    }

    [Theory]
    [InlineData("""{"status":"ok","policy":{},"pending":{}}""")]
    [InlineData("{\"status\":\"ok\",\"policy\":{},\"pending\":{}}\n")]
    [InlineData("{\"status\":\"ok\",\"policy\":{},\"pending\":{}}\n{\"status\":\"error\"}\n")]
    public void An_answer_ends_at_a_newline_or_the_end_of_the_stream(string answer)
    {
        using FakeBus bus = new(trial.Socket, _ => Encoding.UTF8.GetBytes(answer));
        Assert.Equal(0, trial.Run("status"));
    }

    [Fact]
    public void A_connection_closed_without_an_answer_exits_3_and_says_that_the_outcome_is_unknown()
    {
        using FakeBus bus = new(trial.Socket, _ => []);
        Assert.Equal(3, trial.Run("set", "RADIO_ISOLATION", "off"));
        Assert.Contains("unknown", trial.Error);
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\n")]
    [InlineData("{\"status\":true}\n")]
    [InlineData("{\"status\":\"ok\",\"status\":\"ok\"}\n")]
    [InlineData("\n")]
    public void An_answer_that_is_not_one_exits_1(string answer)
    {
        using FakeBus bus = new(trial.Socket, _ => Encoding.UTF8.GetBytes(answer));
        Assert.Equal(1, trial.Run("status"));
        Assert.Equal("", trial.Output);
    }

    [Fact]
    public void Attack20_an_endless_answer_is_cut_off()
    {
        using FakeBus bus = new(trial.Socket, _ => Encoding.UTF8.GetBytes(new string(' ', 10 * Limits.MaxAnswerBytes)));
        Assert.Equal(1, trial.Run("status"));
        Assert.Contains("longer than", trial.Error);
    }

    [Fact]
    public void The_longest_answer_is_read_whole()
    {
        var answer = """{"status":"ok","policy":{"K":"v"}}""".PadLeft(Limits.MaxAnswerBytes - 1) + "\n";
        using FakeBus bus = new(trial.Socket, _ => Encoding.UTF8.GetBytes(answer));
        Assert.Equal(0, trial.Run("status"));
    }

    [Fact]
    public void Attack23_a_daemon_that_says_nothing_is_not_waited_for_for_ever()
    {
        using FakeBus bus = new(trial.Socket, _ => null);
        Assert.True(SystemPaths.TryCreate(trial.Root, out var paths, out _));
        Session session = new(new Terminal(Stream.Null, Stream.Null, () => Stream.Null, TimeProvider.System), paths, null, trial.Socket, Json: false);
        Assert.False(BusClient.TryExchange(session, "{}"u8.ToArray(), out _, out var failure, patienceSeconds: 1));
        Assert.Equal(Qwamos.Client.ExitCode.NotReachable, failure.Exit);
        Assert.Contains("gave no answer", failure.Reason);
    }

    [Fact]
    public void A_socket_path_that_no_socket_can_have_is_a_usage_error()
    {
        Assert.Equal(2, trial.RunBare(["status", "--socket", "/" + new string('s', 107)]));
        Assert.Contains("107 bytes", trial.Error);
    }

    [Fact]
    public void Attack31_a_private_key_that_others_can_read_exits_4_and_nothing_is_sent()
    {
        Assert.Equal(0, trial.Run("key", "show"));
        using FakeBus bus = new(trial.Socket, "{}");
        var file = Path.Combine(trial.Home, "ed25519_sk");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        Assert.Equal(4, trial.Run("set", "RADIO_ISOLATION", "off"));
        Assert.Contains("chmod", trial.Error);
        Assert.Contains(file, trial.Error);
        Assert.Empty(bus.Received);
    }
}
