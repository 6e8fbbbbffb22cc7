using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>ATTACKS 27 and 29 on the files of the published gateway.</summary>
public sealed class GatewayStorageAttackTests : IDisposable
{
    private const string Accepted = "/var/lib/qwamos-gateway/accepted.db";
    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Theory]
    [InlineData(Accepted, "-s")]
    [InlineData(Accepted, "-f")]
    [InlineData("/etc/qwamos/gateway.json", "-s")]
    public void Attack27_LinkAtATrustedPath_StopsTheGateway_AndIsNotFollowed(string path, string how)
    {
        _trial.Write("/victim", "{}");
        Directory.CreateDirectory(Path.GetDirectoryName(_trial.At(path))!);
        Assert.Equal(0, Command.Run(["ln", how, _trial.At("/victim"), _trial.At(path)]).ExitCode);
        RunningProgram gateway = _trial.StartGateway(waitReady: false);
        Assert.NotEqual(0, gateway.WaitForExit());
        Assert.Contains(Path.GetFileName(path), gateway.Log);
        Assert.Equal("{}", File.ReadAllText(_trial.At("/victim")));
    }

    [Fact]
    public void Attack29_WriteErrorOfTheAcceptedEntries_AnswersStorageError_AndEndsTheGateway()
    {
        Needs.FaultInjection();
        RunningProgram gateway = _trial.StartGateway();
        Assert.Equal("ok", Set("off").Code());
        using RunningProgram tracer = Inject(gateway, "EIO");
        Assert.Equal("storage_error", Set("on").Code());
        Assert.Equal(1, gateway.WaitForExit());
    }

    [Fact]
    public void Attack29_DiskFullAtTheGateway_AnswersStorageFull_AndServiceResumes()
    {
        Needs.FaultInjection();
        RunningProgram gateway = _trial.StartGateway();
        Assert.Equal("ok", Set("off").Code());
        using (RunningProgram tracer = Inject(gateway, "ENOSPC"))
        {
            Assert.Equal("storage_full", Set("on").Code());
            tracer.Signal(RunningProgram.SigTerm);
            tracer.WaitForExit();
        }

        Assert.Equal("ok", Set("on").Code());
        Assert.False(gateway.HasExited);
    }

    private JsonElement Set(string value) => _trial.Ask(_trial.Signer.SetPolicy($"{{\"RADIO_ISOLATION\":\"{value}\"}}"), _trial.GatewaySocket);

    private RunningProgram Inject(RunningProgram gateway, string error)
    {
        var tracer = RunningProgram.Start(["strace", "-f", "-p", $"{gateway.Id}", "-P", _trial.At(Accepted + "-wal"), "-e", "trace=pwrite64,write", "-e", $"inject=pwrite64,write:error={error}"]);
        tracer.WaitForLog("attached");
        return tracer;
    }
}
