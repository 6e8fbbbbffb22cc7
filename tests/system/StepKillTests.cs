using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>ATTACKS 9 and 29: the running daemon killed at each system call of one change that writes, syncs, renames or answers.</summary>
public sealed class StepKillTests
{
    private const int MaxSteps = 60;

    [Theory]
    [InlineData("qwamosd", "pwrite64")]
    [InlineData("qwamosd", "fdatasync,fsync")]
    [InlineData("qwamosd", "/^rename")]
    [InlineData("qwamosd", "sendmsg,sendto")]
    [InlineData("gateway-policyd", "pwrite64")]
    [InlineData("gateway-policyd", "fdatasync,fsync")]
    public void Attack09And29_KilledAtAnyStepOfAChange_ItIsTakenOnce_WhetherSentAgainOrNot(string program, string calls)
    {
        Needs.FaultInjection();
        int step = 1;
        for (bool wasKilled = true; wasKilled && step <= MaxSteps; step++)
            wasKilled = KillAt(program, calls, step);
        TestContext.Current.SendDiagnosticMessage($"{program} {calls}: {step - 1} steps");
        Assert.InRange(step, 3, MaxSteps);
    }

    /// <summary>False when the change and its projections are done before the step is reached.</summary>
    private static bool KillAt(string program, string calls, int step)
    {
        using var trial = new Trial();
        bool isGateway = program != "qwamosd";
        string socket = isGateway ? trial.GatewaySocket : trial.BusSocket;
        string projection = isGateway ? trial.At("/var/lib/qwamos-gateway/status.json") : trial.StatusFile;
        RunningProgram Start() => isGateway ? trial.StartGateway() : trial.StartDaemon();
        RunningProgram daemon = Start();
        byte[] request = trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"off","CRYPTO_BACKEND":"hybrid"}""");
        bool wasAnswered;
        using (var tracer = RunningProgram.Start(["strace", "-f", "-p", $"{daemon.Id}", "-e", "trace=" + calls, "-e", $"inject={calls}:signal=KILL:when={step}"]))
        {
            tracer.WaitForLog("attached");
            wasAnswered = TrySend(socket, request);
            Eventually.True(() => daemon.HasExited || ReadOrEmpty(projection).Contains("\"size\":1", StringComparison.Ordinal), "it is killed, or done", () => daemon.Log);
            if (!daemon.HasExited)
                return false;
        }

        // Each start reads the replay memory anew; the gateway's own note of what it staged is an entry more.
        Start();
        JsonElement again = trial.Ask(request, socket);
        Assert.True(again.Code() == "replayed" || (again.Code() == "ok" && !wasAnswered), $"{calls} {step}: {again}");
        JsonElement third = trial.Ask(request, socket);
        Assert.Equal("replayed", third.Code());
        Assert.Equal(0, third.GetProperty("index").GetInt64());
        JsonElement status = trial.Ask("""{"msg":{"command":"get_status"}}"""u8, socket);
        Assert.Equal("off", status.Policy("RADIO_ISOLATION"));
        Eventually.True(() => Directory.GetFiles(Path.GetDirectoryName(projection)!, ".*.tmp").Length == 0, "what the kill left behind is removed");
        return true;
    }

    private static string ReadOrEmpty(string path) => File.Exists(path) ? File.ReadAllText(path) : "";

    private static bool TrySend(string socket, byte[] request)
    {
        try
        {
            using BusClient client = BusClient.Connect(socket);
            client.Send(request);
            return client.ReadLine() is not null;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }
}
