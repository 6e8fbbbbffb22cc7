using System.Text.Json;
using System.Text.RegularExpressions;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>The package for arm64 that is made on another machine, and its client, run by an emulator of that processor, against this machine's daemon.</summary>
public sealed class Arm64Tests
{
    private const ushort ElfMachineAArch64 = 0xB7;
    private const int ElfMachineOffset = 18;

    /// <summary>Where Debian's cross compiler has the C library of arm64.</summary>
    private const string Libraries = "/usr/aarch64-linux-gnu";

    [Fact]
    public void TheArm64Packages_NeedWhatTheOthersNeed_AndLintianFindsNothing()
    {
        Needs.Tool("lintian");
        BuiltRelease there = BuiltRelease.ForArm64(), here = BuiltRelease.Once();
        foreach (string name in (string[])["qwamosctl", "qwamos-dom0", "qwamos-gateway", "qwamos-link"])
        {
            Assert.Equal("arm64", Command.Run(["dpkg-deb", "-f", there.Package(name), "Architecture"]).Output.Trim());
            Assert.Equal(Depends(here.Package(name)), Depends(there.Package(name)));
        }
        CommandResult judged = Command.Run(["lintian", "--fail-on", "error,warning", "--tag-display-limit", "0", .. there.Packages], patience: TimeSpan.FromMinutes(5));
        Assert.True(judged.ExitCode == 0, judged.Output + judged.Error);
    }

    [Fact]
    public void TheArm64Client_MakesAKey_AndSigns_AndAnAmd64DaemonAccepts()
    {
        Needs.Tool("qemu-aarch64-static");
        using ScratchFolder scratch = new();
        Assert.Equal(0, Command.Run(["dpkg-deb", "-x", BuiltRelease.ForArm64().Package("qwamosctl"), scratch.Path]).ExitCode);
        string client = Path.Combine(scratch.Path, "usr", "lib", "qwamosctl", "qwamosctl");
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

    /// <summary>Which version of the C library it is may differ: the oldest that has what a processor's program calls.</summary>
    private static string[] Depends(string package) =>
    [
        .. Command.Run(["dpkg-deb", "-f", package, "Depends"]).Output.Trim().Split(", ")
            .Select(one => Regex.Replace(one, @"^libc6 \(>= 2\.3\d\)$", "libc6 of that age")).Order(StringComparer.Ordinal),
    ];
}
