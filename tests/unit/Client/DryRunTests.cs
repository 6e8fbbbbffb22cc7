using Qwamos.ControlBus.Json;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

public sealed class DryRunTests : IDisposable
{
    private readonly ClientTrial trial = new();

    public void Dispose() => trial.Dispose();

    [Fact]
    public void Nothing_is_signed_sent_or_made()
    {
        using FakeBus bus = new(trial.Socket, "{}");
        Assert.Equal(0, trial.Run("set", "RADIO_ISOLATION", "off", "KERNEL_HARDENING", "strict", "--dry-run"));
        Assert.Empty(bus.Received);
        Assert.False(trial.HasKey);
        Assert.DoesNotContain("\"signature\"", trial.Output);
        Assert.Contains("\"args\":{\"KERNEL_HARDENING\":\"strict\",\"RADIO_ISOLATION\":\"off\"},\"command\":\"set_policy\",\"nonce\":", trial.Output);
        Assert.Contains("applies now, for gateway:  RADIO_ISOLATION = off", trial.Output);
        Assert.Contains("waits for a reboot, then for dom0:  KERNEL_HARDENING = strict", trial.Output);
    }

    [Fact]
    public void Json_gives_the_message_and_exactly_its_canonical_bytes()
    {
        Assert.Equal(0, trial.Run("set", "RADIO_ISOLATION", "off", "--reason", "é", "--dry-run", "-o", "json"));
        Assert.True(trial.Json.TryGet("msg", out var message));
        Assert.True(trial.Json.TryGet("canonical", out var canonical));
        Assert.Equal(System.Text.Encoding.UTF8.GetString(CanonicalJson.Write(message)), canonical.AsString);
        Assert.False(trial.Json.TryGet("signature", out _));
    }

    [Fact]
    public void A_file_that_is_split_shows_each_message()
    {
        Assert.Equal(0, trial.Run("apply", trial.Write("policy.json", """{"RADIO_ISOLATION":"off","DURESS.enabled":true}"""), "--dry-run", "-o", "json"));
        Assert.Equal(2, trial.Output.Trim().Split('\n').Length);
    }

    [Fact]
    public void Staged_mode_lets_every_key_wait()
    {
        Assert.Equal(0, trial.Run("set", "RADIO_ISOLATION", "off", "--mode", "staged", "--dry-run", "-o", "json"));
        Assert.Contains("\"would_apply\":[],\"would_stage\":[\"RADIO_ISOLATION\"]", trial.Output);
    }

    [Fact]
    public void The_event_is_called_what_it_is()
    {
        Assert.Equal(0, trial.Run("set", "GHOST.trigger", "fire", "--dry-run"));
        Assert.Contains("cannot be undone", trial.Output);
    }
}
