using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>Domains of several classes on one machine, each served by a gateway-policyd of its own: Dom0's own, the user interface, a gateway.</summary>
public sealed class DomainTests : IDisposable
{
    private readonly Trial _trial = new();
    private readonly RunningProgram _dom0;

    public DomainTests()
    {
        _trial.Write("/etc/qwamos/domains.json", """
            {"domains":[{"name":"dom0","class":"dom0","link":"unix:/run/qwamos/dom0-bus.sock"},
                        {"name":"ui","class":"ui","tags":["screen"],"link":"unix:/run/qwamos/ui-bus.sock"},
                        {"name":"gateway","class":"gateway","link":"unix:/run/qwamos/gateway-bus.sock"}]}
            """);
        string hook = $"#!/bin/sh\necho \"$0 $2\" >> {_trial.At("/hooks.log")}\n";
        foreach (string key in (string[])["DURESS.enabled", "GHOST.trigger", "KERNEL_HARDENING", "CRYPTO_BACKEND", "CLIPBOARD_ISOLATION"])
            _trial.Write($"/etc/qwamos/hooks.d/{key}", hook, (UnixFileMode)0x1ED);
        _trial.StartDaemon();
        _trial.StartCourier();
        _dom0 = _trial.StartDomain("dom0");
        _trial.StartDomain("ui");
        _trial.StartGateway();
        CommandResult signed = _trial.Client("audit", "key", "--sign");
        Assert.True(signed.ExitCode == 0, signed.Error);
    }

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void EachDomainTakesTheKeysOfItsClassAndNothingElse()
    {
        Assert.Equal("ok", _trial.Ask(_trial.Signer.SetPolicy("""{"DURESS.enabled":true}""")).Code());
        Assert.Equal("ok", _trial.Ask(_trial.Signer.SetPolicy("""{"CLIPBOARD_ISOLATION":"strict","RADIO_ISOLATION":"on"}""")).Code());
        WaitFor(() => Domain("dom0").Policy("DURESS.enabled") is not null && Domain("ui").Policy("CLIPBOARD_ISOLATION") == "strict" && Domain("gateway").Policy("RADIO_ISOLATION") == "on", "each has its own");
        Assert.Equal("""{"CLIPBOARD_ISOLATION":"strict"}""", Domain("ui").GetProperty("policy").GetRawText());
        Assert.Equal("""{"DURESS.enabled":"(hidden)"}""", Domain("dom0").GetProperty("policy").GetRawText());
        Assert.Equal("""{"RADIO_ISOLATION":"on"}""", Domain("gateway").GetProperty("policy").GetRawText());
        WaitFor(() => Hooks().Contains("DURESS.enabled true", StringComparison.Ordinal) && Hooks().Contains("CLIPBOARD_ISOLATION strict", StringComparison.Ordinal), "both hooks ran");

        // A confidential value is not in what Dom0's status shows of others.
        JsonElement row = _trial.Status().GetProperty("gateways").GetProperty("ui");
        Assert.Equal(("ui", "[\"screen\"]"), (row.GetProperty("class").GetString(), row.GetProperty("tags").GetRawText()));
        Assert.Contains("[screen]", _trial.Client("status").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack11_DirectChangeOfAnotherClassIsRefused()
    {
        byte[] request = _trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"off"}""");
        Assert.Equal("wrong_audience", _trial.Ask(request, Socket("ui")).Code());
        Assert.Equal("wrong_audience", _trial.Ask(request, Socket("dom0")).Code());
    }

    [Fact]
    public void Dom0sOwnDomainLeavesRebootKeysToTheBoot()
    {
        Assert.Equal("ok", _trial.Ask(_trial.Signer.SetPolicy("""{"KERNEL_HARDENING":"strict","CRYPTO_BACKEND":"hybrid","BOOT_VERIFICATION":"strict"}""")).Code());
        Assert.Equal("ok", _trial.Ask(_trial.Signer.SetPolicy("""{"DURESS.enabled":true}""")).Code());
        WaitFor(() => Domain("dom0").Policy("DURESS.enabled") is not null, "the runtime key came");
        Assert.Equal("{}", Domain("dom0").GetProperty("pending").GetRawText());
        Assert.Equal("""["BOOT_VERIFICATION","CRYPTO_BACKEND","KERNEL_HARDENING"]""", "[" + string.Join(',', Domain("dom0").GetProperty("left_to_boot").EnumerateArray().Select(key => key.GetRawText()).Order(StringComparer.Ordinal)) + "]");
        // Of class all: a gateway stages it, and its next start applies it; Dom0's own domain does neither.
        WaitFor(() => Domain("gateway").Pending("CRYPTO_BACKEND") == "hybrid", "the gateway staged it");
        Assert.Equal(0, _dom0.Stop());
        _trial.StartDomain("dom0");
        Assert.DoesNotContain("KERNEL_HARDENING", Hooks(), StringComparison.Ordinal);
        Assert.DoesNotContain("CRYPTO_BACKEND", Hooks(), StringComparison.Ordinal);
        Assert.Equal("wrong_audience", _trial.Ask(_trial.Signer.SetPolicy("""{"KERNEL_HARDENING":"paranoid"}"""), Socket("dom0")).Code());
        CommandResult status = Command.Run([Binaries.Gateway, "--root", _trial.Root, "--domain", "dom0", "status"]);
        Assert.Contains("left to the boot", status.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("all")]
    [InlineData("Gateway")]
    [InlineData("../x")]
    [InlineData("boot")]
    [InlineData("courier")]
    [InlineData("hook")]
    public void Attack27_ADomainWhoseFilesWouldBeOthersIsNotServed(string name)
    {
        CommandResult refused = Command.Run([Binaries.Gateway, "--root", _trial.Root, "--domain", name, "status"]);
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("--domain", refused.Error, StringComparison.Ordinal);
    }

    private string Socket(string name) => _trial.At($"/run/qwamos/{name}-bus.sock");

    private JsonElement Domain(string name) => _trial.Ask("""{"msg":{"command":"get_status"}}"""u8, Socket(name));

    private string Hooks() => File.Exists(_trial.At("/hooks.log")) ? File.ReadAllText(_trial.At("/hooks.log")) : "";

    private void WaitFor(Func<bool> condition, string what) => Eventually.True(condition, what, () => $"{_trial.Status()}\n{_trial.Courier!.Log}\n{_dom0.Log}\n{Hooks()}");
}
