using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>
/// kill -9 at random moments under load: nothing acknowledged is lost, nothing is half applied or half staged, and both projections equal the
/// ledger's fold, which is gone through from its first entry on now and then. <c>QWAMOS_KILL_ROUNDS</c> sets the number of kills.
/// </summary>
public sealed class KillTests
{
    private const int DefaultRounds = 40;
    private const int Clients = 4;
    private const int CheckEveryRounds = 10;

    [Fact]
    public async Task Attack09And29_KilledUnderLoad_NoAcknowledgedChangeIsLost_AndNoneIsHalfApplied()
    {
        int rounds = int.Parse(Environment.GetEnvironmentVariable("QWAMOS_KILL_ROUNDS") ?? $"{DefaultRounds}", CultureInfo.InvariantCulture);
        using var trial = new Trial();
        TestSigner signer = trial.Signer;
        var random = new Random(20260101);
        long acknowledged = 0;
        for (int round = 0; round < rounds; round++)
        {
            using RunningProgram daemon = trial.StartDaemon();
            AssertConsistent(trial, round);
            var answers = new ConcurrentBag<(byte[] Request, long Index)>();
            Task[] clients = [.. Enumerable.Range(0, Clients).Select(_ => Task.Run(() => Load(trial.BusSocket, signer, answers)))];
            await Task.Delay(random.Next(5, 150));
            daemon.Kill9();
            await Task.WhenAll(clients);
            using RunningProgram again = trial.StartDaemon();
            foreach ((byte[] request, long index) in answers)
            {
                JsonElement replay = trial.Ask(request);
                Assert.True(replay.Code() == "replayed" && replay.GetProperty("index").GetInt64() == index && replay.GetProperty("outcome").GetString() == "accepted",
                    $"round {round}: the change acknowledged as entry {index} is lost: {replay}");
            }

            acknowledged += answers.Count;
            again.Kill9();
        }

        Assert.True(acknowledged > rounds, $"only {acknowledged} changes were acknowledged in {rounds} rounds");
        TestContext.Current.SendDiagnosticMessage($"{rounds} kills, {acknowledged} acknowledged changes, none lost");
    }

    // Each change sets two keys to values that go together, so that half of one would show.
    private static void Load(string socket, TestSigner signer, ConcurrentBag<(byte[] Request, long Index)> answers)
    {
        try
        {
            using BusClient client = BusClient.Connect(socket);
            for (int i = 0; ; i++)
            {
                string switches = i % 2 == 0 ? "off" : "on";
                byte[] request = signer.SetPolicy(i % 4 < 3
                    ? $"{{\"RADIO_ISOLATION\":\"{switches}\",\"VPN_KILL_SWITCH\":\"{switches}\"}}"
                    : $"{{\"BOOT_VERIFICATION\":\"strict\",\"KERNEL_HARDENING\":\"{(i % 8 < 4 ? "strict" : "paranoid")}\"}}");
                client.Send(request);
                if (client.ReadLine() is not { } line)
                    return;
                using var answer = JsonDocument.Parse(line);
                if (answer.RootElement.Code() == "ok")
                    answers.Add((request, answer.RootElement.GetProperty("index").GetInt64()));
            }
        }
        catch (Exception e) when (e is SocketException or JsonException)
        {
            // Killed in the middle: what was not answered was not acknowledged.
        }
    }

    private static string[] Leftovers(Trial trial) => Directory.GetFiles(trial.At("/var/lib/qwamos"), ".*.tmp");

    private static void AssertConsistent(Trial trial, int round)
    {
        JsonElement status = trial.Status();
        Assert.True(status.Policy("RADIO_ISOLATION") == status.Policy("VPN_KILL_SWITCH"), $"round {round}: half of a change is in force: {status}");
        Assert.True((status.Pending("BOOT_VERIFICATION") is null) == (status.Pending("KERNEL_HARDENING") is null), $"round {round}: half of a change is staged: {status}");
        using var projection = JsonDocument.Parse(File.ReadAllBytes(trial.StatusFile));
        Eventually.True(() => Leftovers(trial).Length == 0, "what the kill left behind is removed", () => string.Join(' ', Leftovers(trial)));
        Assert.Equal(PolicyModel.ShownBy(status), PolicyModel.ShownBy(projection.RootElement));
        Assert.Equal(
            string.Concat(status.GetProperty("pending").EnumerateObject().Select(pair => $"{pair.Name}={pair.Value}\n")), PolicyModel.LinesOf(trial.PendingFile));
        if (round % CheckEveryRounds != 0)
            return;
        // It folds all entries and compares with what the daemon goes on from.
        CommandResult fsck = Command.Run([Binaries.Daemon, "fsck", "--root", trial.Root]);
        Assert.True(fsck.ExitCode == 0, $"round {round}: {fsck.Output}{fsck.Error}");
    }
}
