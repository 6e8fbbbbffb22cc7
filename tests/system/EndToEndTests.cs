using System.Text.Json;
using System.Text.Json.Nodes;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>The main job, as users do it: client, daemon, boot and gateway together.</summary>
public sealed class EndToEndTests : IDisposable
{
    private const string OneGateway = """{"gateways":[{"name":"gateway","class":"gateway","socket":"/run/qwamos/gateway-bus.sock"}]}""";
    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void RuntimeChange_IsAppliedAtOnce_AndShownInStatus()
    {
        _trial.StartDaemon();
        CommandResult set = _trial.Client("-o", "json", "set", "RADIO_IDLE_TIMEOUT_MIN", "5");
        Assert.True(set.ExitCode == 0, set.Error);
        using var answer = JsonDocument.Parse(set.Output);
        Assert.Equal("ok", answer.RootElement.GetProperty("status").GetString());
        Assert.Equal("[\"RADIO_IDLE_TIMEOUT_MIN\"]", answer.RootElement.GetProperty("result").GetProperty("runtime_applied").ToString());
        // No gateway is named in this trial.
        Assert.Equal("[\"RADIO_IDLE_TIMEOUT_MIN\"]", answer.RootElement.GetProperty("unserved").ToString());
        Assert.Equal("[]", answer.RootElement.GetProperty("result").GetProperty("reboot_staged").ToString());
        JsonElement value = _trial.Status().GetProperty("policy").GetProperty("RADIO_IDLE_TIMEOUT_MIN");
        Assert.Equal(JsonValueKind.Number, value.ValueKind);
        Assert.Equal(5, value.GetInt32());
    }

    [Fact]
    public void RebootChange_IsStaged_AppliedAtBoot_AndMovesToPolicy()
    {
        RunningProgram daemon = _trial.StartDaemon();
        JsonElement staged = _trial.Ask(_trial.Signer.SetPolicy("""{"KERNEL_HARDENING":"strict","BOOT_VERIFICATION":"strict","CRYPTO_BACKEND":"hybrid"}"""));
        Assert.Equal(3, staged.GetProperty("result").GetProperty("reboot_staged").GetArrayLength());
        Eventually.True(() => File.ReadAllText(_trial.At("/var/lib/qwamos/pending.conf")).Contains("KERNEL_HARDENING=strict\n", StringComparison.Ordinal), "pending.conf names it");
        string[] lines = File.ReadAllLines(_trial.At("/var/lib/qwamos/pending.conf"));
        Assert.StartsWith("#", lines[0]);
        Assert.StartsWith("#", lines[1]);
        Assert.Equal("", lines[2]);
        Assert.Null(_trial.Status().Policy("KERNEL_HARDENING"));
        Assert.Equal(0, daemon.Stop());

        CommandResult boot = _trial.ApplyPending();
        Assert.True(boot.ExitCode == 0, boot.Error);
        Assert.True(File.Exists(_trial.At("/etc/sysctl.d/60-qwamos.conf")));
        Assert.True(File.Exists(_trial.At("/etc/default/grub.d/60-qwamos.cfg")));
        Assert.NotEmpty(Directory.GetFiles(_trial.At("/var/lib/qwamos-boot"), "status.json.*"));

        daemon = _trial.StartDaemon();
        JsonElement status = _trial.Status();
        Assert.Equal("strict", status.Policy("KERNEL_HARDENING"));
        Assert.Equal("strict", status.Policy("BOOT_VERIFICATION"));
        Assert.Equal("hybrid", status.Policy("CRYPTO_BACKEND"));
        Assert.Equal("{}", status.GetProperty("pending").ToString());
        long size = status.GetProperty("size").GetInt64();
        Assert.Equal(0, daemon.Stop());

        Assert.Equal(0, _trial.ApplyPending().ExitCode);
        _trial.StartDaemon();
        Assert.Equal(size, _trial.Status().GetProperty("size").GetInt64());
    }

    [Fact]
    public void StagedMode_HoldsARuntimeKeyForTheBoot_AndSettingItBackUnstages()
    {
        _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"on\"").Code());
        JsonObject message = TestSigner.Draft("""{"RADIO_ISOLATION":"off"}""");
        message["mode"] = "staged";
        JsonElement staged = _trial.Ask(_trial.Signer.Request(message));
        Assert.Equal("[]", staged.GetProperty("result").GetProperty("runtime_applied").ToString());
        Assert.Equal("[\"RADIO_ISOLATION\"]", staged.GetProperty("result").GetProperty("reboot_staged").ToString());
        Assert.Equal("on", _trial.Status().Policy("RADIO_ISOLATION"));
        Assert.Equal("off", _trial.Status().Pending("RADIO_ISOLATION"));
        message = TestSigner.Draft("""{"RADIO_ISOLATION":"on"}""");
        message["mode"] = "staged";
        JsonElement back = _trial.Ask(_trial.Signer.Request(message));
        Assert.Equal("[\"RADIO_ISOLATION\"]", back.GetProperty("result").GetProperty("unstaged").ToString());
        Assert.Null(_trial.Status().Pending("RADIO_ISOLATION"));
    }

    [Fact]
    public void UnsupportedModeAndCommand_SaySo()
    {
        _trial.StartDaemon();
        JsonObject attempt = TestSigner.Draft("""{"RADIO_ISOLATION":"off"}""");
        attempt["mode"] = "try";
        Assert.Equal("not_supported", _trial.Ask(_trial.Signer.Request(attempt)).Code());
        JsonObject unknown = TestSigner.Draft("""{"RADIO_ISOLATION":"off"}""");
        unknown["command"] = "set_polici";
        Assert.Equal("unknown_command", _trial.Ask(_trial.Signer.Request(unknown)).Code());
    }

    [Fact]
    public void Gateway_TakesTheOperatorsOwnEnvelope_RunsItsHook_AndStatusShowsIt()
    {
        _trial.Write("/etc/qwamos/qwamosd.json", OneGateway);
        _trial.Write("/etc/qwamos/hooks.d/RADIO_ISOLATION", $"#!/bin/sh\ncat >>'{_trial.Root}/hook.log'\n", (UnixFileMode)0b111_101_101);
        _trial.StartDaemon();
        _trial.StartGateway();
        JsonElement accepted = _trial.Set("RADIO_ISOLATION", "\"off\"");
        Assert.Equal("ok", accepted.Code());
        string log = Path.Combine(_trial.Root, "hook.log");
        Eventually.True(() => File.Exists(log) && File.ReadAllText(log).Contains("\"value\":\"off\"", StringComparison.Ordinal), "the hook runs");
        Eventually.True(() => _trial.Status().GetProperty("gateways").GetProperty("gateway").GetProperty("taken").ToString() == accepted.GetProperty("index").ToString(),
            "status shows what the gateway took", () => _trial.Status().ToString());
    }

    [Fact]
    public void Gateway_DownForAWhile_TakesTheChangeWhenItIsBack_OnceOnly()
    {
        _trial.Write("/etc/qwamos/qwamosd.json", OneGateway);
        _trial.Write("/etc/qwamos/hooks.d/RADIO_ISOLATION", $"#!/bin/sh\necho ran >>'{_trial.Root}/hook.log'\n", (UnixFileMode)0b111_101_101);
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        Eventually.True(() => _trial.Status().GetProperty("gateways").GetProperty("gateway").GetProperty("behind").GetBoolean(), "status shows that the gateway is behind");
        daemon.Kill9();
        _trial.StartDaemon();
        RunningProgram gateway = _trial.StartGateway();
        Eventually.True(() => !_trial.Status().GetProperty("gateways").GetProperty("gateway").GetProperty("behind").GetBoolean(), "the gateway catches up", () => _trial.Status().ToString());
        gateway.Kill9();
        _trial.StartGateway();
        Assert.Equal("off", _trial.Ask("""{"msg":{"command":"get_status"}}"""u8, _trial.GatewaySocket).Policy("RADIO_ISOLATION"));
    }

    [Fact]
    public void Attack09_ReplayAtTheGateway_IsRefused_AlsoAfterKill()
    {
        RunningProgram gateway = _trial.StartGateway();
        byte[] request = _trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"off"}""");
        JsonElement first = _trial.Ask(request, _trial.GatewaySocket);
        Assert.Equal("ok", first.Code());
        Assert.True(first.TryGetProperty("message", out _));
        Assert.Equal("replayed", _trial.Ask(request, _trial.GatewaySocket).Code());
        gateway.Kill9();
        _trial.StartGateway();
        Assert.Equal("replayed", _trial.Ask(request, _trial.GatewaySocket).Code());
    }

    [Fact]
    public void ConfidentialAndOtherKeysTogether_AreRefused_AndSplitByTheClient()
    {
        _trial.StartDaemon();
        Assert.Equal("mixed_domains", _trial.Ask(_trial.Signer.SetPolicy("""{"DURESS.enabled":true,"RADIO_ISOLATION":"off"}""")).Code());
        string file = Path.Combine(_trial.Root, "policy.json");
        File.WriteAllText(file, """{"DURESS.enabled":true,"RADIO_ISOLATION":"off"}""");
        CommandResult applied = _trial.Client("apply", file);
        Assert.True(applied.ExitCode == 0, applied.Error);
        Assert.Equal("off", _trial.Status().Policy("RADIO_ISOLATION"));
        Assert.Equal("(hidden)", _trial.Status().Policy("DURESS.enabled"));
    }

    [Fact]
    public void GhostFire_IsAcceptedOnlyArmedAndAlone_AndLeavesDisarmed()
    {
        _trial.StartDaemon();
        Assert.Equal("invalid_policy", _trial.Set("GHOST.trigger", "\"fire\"").Code());
        Assert.Equal("ok", _trial.Set("GHOST.trigger", "\"armed\"").Code());
        Assert.Equal("invalid_policy", _trial.Ask(_trial.Signer.SetPolicy("""{"GHOST.trigger":"fire","DURESS.enabled":true}""")).Code());
        Assert.Equal("ok", _trial.Set("GHOST.trigger", "\"fire\"").Code());
        Assert.Equal("invalid_policy", _trial.Set("GHOST.trigger", "\"fire\"").Code());
    }

    [Fact]
    public void AllFaultsAreReportedAtOnce()
    {
        _trial.StartDaemon();
        JsonElement answer = _trial.Ask(_trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"maybe","RADIO_IDLE_TIMEOUT_MIN":1000,"NO_SUCH_KEY":1,"VPN_KILL_SWITCH":"on"}"""));
        Assert.Equal("invalid_policy", answer.Code());
        Assert.Equal(3, answer.GetProperty("faults").GetArrayLength());
        Assert.Null(_trial.Status().Policy("VPN_KILL_SWITCH"));
    }

    [Fact]
    public void ClientExitCodes_AreAsDocumented()
    {
        Assert.Equal(3, _trial.Client("status").ExitCode);
        _trial.StartDaemon();
        Assert.Equal(0, _trial.Client("status").ExitCode);
        Assert.Equal(0, _trial.Client("set", "RADIO_ISOLATION", "off").ExitCode);
        CommandResult key = _trial.Client("set", "RADIO_ISOLATON", "off");
        Assert.Equal(2, key.ExitCode);
        Assert.Contains("RADIO_ISOLATION", key.Error);
        CommandResult value = _trial.Client("set", "RADIO_ISOLATION", "of");
        Assert.Equal(2, value.ExitCode);
        Assert.Contains("off", value.Error);
        Assert.Equal(2, _trial.Client("frobnicate").ExitCode);
        Assert.Equal(1, _trial.Client("set", "GHOST.trigger", "fire").ExitCode);
    }

    [Fact]
    public void FirstUse_ByManyClientsAtOnce_MakesOneKey()
    {
        using var fresh = new Trial(enrolled: false);
        string[] keys = [.. Enumerable.Range(0, 8).AsParallel().WithDegreeOfParallelism(8).Select(_ => fresh.Client("-o", "json", "key", "show").Output)];
        Assert.All(keys, key => Assert.Contains("key_id", key));
        Assert.Single(keys.Select(key => JsonDocument.Parse(key).RootElement.GetProperty("key_id").GetString()).Distinct());
    }

    [Fact]
    public void WithoutAnAnchor_NothingStarts_AndTheBootAppliesNothing()
    {
        using var fresh = new Trial(enrolled: false);
        var nobody = new Dictionary<string, string> { ["HOME"] = Path.Combine(fresh.Root, "nobody") };
        RunningProgram daemon = fresh.StartDaemon(environment: nobody, waitReady: false);
        Assert.NotEqual(0, daemon.WaitForExit());
        Assert.Contains("enroll", daemon.Log);
        CommandResult boot = Command.Run([Binaries.Daemon, "apply-pending", "--root", fresh.Root]);
        Assert.Equal(0, boot.ExitCode);
    }
}
