using System.Text.Json;
using System.Text.Json.Nodes;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>Trust roots at boot, by the published programs: ATTACKS 5, 7 and 13.</summary>
public sealed class TrustBootTests : IDisposable
{
    private readonly Trial _trial = new();
    private readonly TestSigner _anna = TestSigner.Fresh();
    private readonly TestSigner _ben = TestSigner.Fresh();
    private readonly RunningProgram _daemon;
    private readonly Roots _roots;

    public TrustBootTests()
    {
        _daemon = _trial.StartDaemon();
        _roots = Roots.Of(_trial);
        Assert.Equal("ok", _trial.Ask(Roots.Request(_roots.Draft(1, ("anna", _anna), ("ben", _ben)), _trial.Signer, _anna)).Code());
    }

    private string Sysctl => _trial.At("/etc/sysctl.d/60-qwamos.conf");

    public void Dispose() => _trial.Dispose();

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    public void Attack07_WhatARevokedKeyStaged_IsAppliedOnlyWhenItStandsBeforeTheCutOff(int after, bool isApplied)
    {
        long index = Stage(_anna, "KERNEL_HARDENING", "strict");
        Assert.Equal(index + 1, Stage(_ben, "BOOT_VERIFICATION", "strict"));
        JsonObject second = _roots.Draft(2, ("ben", _ben));
        second["revoked"] = new JsonArray(Roots.Revoked(_anna, index + after));
        Assert.Equal("ok", _trial.Ask(Roots.Request(second, _ben)).Code());
        Assert.Equal("unknown_key", _trial.Ask(TestSigner.RequestBy(Draft("KERNEL_HARDENING", "paranoid"), _anna)).Code());
        Assert.Equal(0, _daemon.Stop());
        CommandResult booted = _trial.ApplyPending();
        Assert.Equal(0, booted.ExitCode);
        Assert.Equal(isApplied, File.Exists(Sysctl));
        Assert.Equal(!isApplied, booted.Error.Contains($"the key {_anna.KeyId} is revoked from entry {index} on", StringComparison.Ordinal));
        Assert.Contains("trust root 2 is in force from entry", booted.Error, StringComparison.Ordinal);

        _trial.StartDaemon();
        JsonElement status = _trial.Status();
        Assert.Equal("strict", status.Policy("BOOT_VERIFICATION"));
        Assert.Equal(isApplied ? "strict" : null, status.Policy("KERNEL_HARDENING"));
        Assert.Equal(isApplied ? null : "strict", status.Pending("KERNEL_HARDENING"));
    }

    [Fact]
    public void Attack13_AnchorThatTheTrustRootsDoNotFollowFrom_AppliesNothing_AndStopsTheDaemon_UntilRootBeginsAnew()
    {
        Stage(_anna, "KERNEL_HARDENING", "strict");
        Assert.Equal(0, _daemon.Stop());
        string anchor = _trial.At("/etc/qwamos/dom0.pub"), own = Path.Combine(_trial.Home, "ed25519_pk");
        File.WriteAllBytes(anchor, _ben.PublicKey);
        CommandResult booted = _trial.ApplyPending();
        Assert.Equal(0, booted.ExitCode);
        Assert.Contains("nothing is applied and the last known good stays: The trust root of entry 0 does not follow from the enrolled key", booted.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Sysctl));
        RunningProgram stopped = _trial.StartDaemon(waitReady: false);
        Assert.NotEqual(0, stopped.WaitForExit());
        Assert.Contains("enroll FILE --replace", stopped.Log, StringComparison.Ordinal);

        // Root's way back, also with the key that was there before.
        File.Copy(own, anchor, overwrite: true);
        CommandResult enrolled = Command.Run([Binaries.Daemon, "--root", _trial.Root, "enroll", own, "--replace", "--fingerprint", _trial.Signer.KeyId]);
        Assert.True(enrolled.ExitCode == 0, enrolled.Error);
        Assert.Contains("this key alone does", enrolled.Output, StringComparison.Ordinal);
        booted = _trial.ApplyPending();
        Assert.Contains("does not verify", booted.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Sysctl));
        _trial.StartDaemon();
        Assert.Equal(JsonValueKind.Null, _trial.Status().GetProperty("trust").ValueKind);
        Assert.Equal("ok", _trial.Ask(_trial.Signer.Request(Draft("KERNEL_HARDENING", "paranoid"))).Code());
    }

    [Fact]
    public void Attack13_OlderLedgerWithAnOlderTrustRoot_IsRefusedByTheBoot()
    {
        Assert.Equal(0, _daemon.Stop());
        byte[] older = File.ReadAllBytes(_trial.LedgerFile);
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Ask(Roots.Request(_roots.Draft(2, ("ben", _ben)), _ben)).Code());
        Stage(_ben, "KERNEL_HARDENING", "strict");
        Assert.Equal(0, daemon.Stop());
        Assert.Equal(0, _trial.ApplyPending().ExitCode);
        Assert.True(File.Exists(Sysctl));
        string applied = File.ReadAllText(Sysctl);
        Assert.Contains("\"trust\":{\"anchor\":\"" + _trial.Signer.KeyId, File.ReadAllText(_trial.At("/var/lib/qwamos-boot/memory.json")), StringComparison.Ordinal);
        File.WriteAllBytes(_trial.LedgerFile, older);
        CommandResult booted = _trial.ApplyPending();
        Assert.Contains("the ledger is refused", booted.Error, StringComparison.Ordinal);
        Assert.Equal(applied, File.ReadAllText(Sysctl));
    }

    private JsonObject Draft(string key, string value)
    {
        JsonObject message = TestSigner.Draft($"{{\"{key}\":\"{value}\"}}");
        message["system"] = _roots.System;
        return message;
    }

    private long Stage(TestSigner signer, string key, string value)
    {
        JsonElement answer = _trial.Ask(TestSigner.RequestBy(Draft(key, value), signer));
        Assert.True(answer.Code() == "ok", answer.ToString());
        return answer.GetProperty("index").GetInt64();
    }
}
