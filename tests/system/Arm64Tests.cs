using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>The client that is compiled for arm64 on another machine, run by an emulator of that processor, against this machine's daemon.</summary>
public sealed class Arm64Tests
{
    private const ushort ElfMachineAArch64 = 0xB7;
    private const int ElfMachineOffset = 18;

    /// <summary>Where Debian's cross compiler has the C library of arm64.</summary>
    private const string Libraries = "/usr/aarch64-linux-gnu";

    [Fact]
    public void TheArm64Client_MakesAKey_AndSigns_AndAnAmd64DaemonAccepts()
    {
        Needs.Tool("qemu-aarch64-static");
        string client = Path.Combine(Binaries.Repository, "out", "arm64", "qwamosctl");
        Assert.SkipUnless(File.Exists(client), "needs a client compiled for arm64, which `./test system` makes as root on amd64");
        Assert.Equal(ElfMachineAArch64, BitConverter.ToUInt16(File.ReadAllBytes(client), ElfMachineOffset));
        using var trial = new Trial(enrolled: false);
        CommandResult Run(params string[] arguments) => Command.Run(["qemu-aarch64-static", "-L", Libraries, client, "--root", trial.Root, "--home", trial.Home, .. arguments]);

        CommandResult key = Run("key", "show", "-o", "json");
        Assert.True(key.ExitCode == 0, key.Error);
        // The key that it made there is a key here, and the same one.
        Assert.Equal(trial.Signer.KeyId, JsonDocument.Parse(key.Output).RootElement.GetProperty("key_id").GetString());
        trial.Enroll();
        using RunningProgram daemon = trial.StartDaemon();

        CommandResult set = Run("set", "RADIO_ISOLATION", "off", "--reason", "signed on arm64");
        Assert.True(set.ExitCode == 0, set.Error);
        Assert.Contains("recorded as entry 0", set.Output);
        // It verified the ledger's checkpoint, too.
        Assert.Contains("Seen for the first time", set.Error);
        Assert.Equal("off", trial.Status().GetProperty("policy").GetProperty("RADIO_ISOLATION").GetString());
        Assert.Equal(0, trial.Client("audit", "verify").ExitCode);
        Assert.Equal(1, Run("set", "RADIO_IDLE_TIMEOUT_MIN", "5", "--base", "gateway=" + new string('0', 64)).ExitCode);
    }
}
