using System.Net.Sockets;
using System.Text;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>ATTACK 38 on the published daemons, as far as their log goes: a reader that hangs stops nobody.</summary>
public sealed class LogTests : IDisposable
{
    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Theory]
    [InlineData("qwamosd", "/run/qwamos/bus.sock")]
    [InlineData("gateway-policyd", "/run/qwamos/gateway-bus.sock")]
    public void Attack38_LogThatNobodyReads_LeavesTheDaemonServing_AndStopping(string program, string socket)
    {
        string pipe = Path.Combine(_trial.Root, "log");
        Assert.Equal(0, Command.Run(["mkfifo", pipe]).ExitCode);
        // Open for both, so that neither side waits for the other; then so full that not even a line fits.
        using var full = new FileStream(pipe, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 1);
        full.Write(Encoding.ASCII.GetBytes(new string('x', 65_536)));
        string command = Path.Combine(Path.GetDirectoryName(Binaries.Daemon)!, program);
        using var daemon = RunningProgram.Start(["sh", "-c", $"exec '{command}' --root '{_trial.Root}' 2>'{pipe}'"]);
        Eventually.True(() => Listens(_trial.At(socket)), "the daemon listens");
        TestSigner signer = _trial.Signer;
        for (int i = 0; i < 20; i++)
            Assert.Equal("ok", _trial.Ask(signer.SetPolicy($"{{\"RADIO_IDLE_TIMEOUT_MIN\":{i}}}"), _trial.At(socket)).Code());
        Assert.Equal("19", _trial.Ask("""{"msg":{"command":"get_status"}}"""u8, _trial.At(socket)).Policy("RADIO_IDLE_TIMEOUT_MIN"));
        Assert.Equal(0, daemon.Stop());
    }

    private static bool Listens(string socket)
    {
        try
        {
            BusClient.Connect(socket).Dispose();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
