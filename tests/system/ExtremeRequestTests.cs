using System.Text.Json.Nodes;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>Well-signed requests at the edge of every limit: whatever is recorded of them, the daemon starts again.</summary>
public sealed class ExtremeRequestTests : IDisposable
{
    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    public static TheoryData<string, string> Extremes => new()
    {
        { "deepest value", $"{{\"RADIO_ISOLATION\":{new string('[', 13)}{new string(']', 13)}}}" },
        { "longest value", $"{{\"RADIO_ISOLATION\":\"{new string('x', 60_000)}\"}}" },
        { "longest key", $"{{\"{new string('K', 60_000)}\":1}}" },
        { "64 long keys", "{" + string.Join(',', Enumerable.Range(0, 64).Select(i => $"\"{new string('k', 900)}{i}\":\"{new string('v', 20)}\"")) + "}" },
        { "64 values full of what is escaped", "{" + string.Join(',', Enumerable.Range(0, 64).Select(i => $"\"K{i}\":\"{string.Concat(Enumerable.Repeat("\\u0001", 60))}\"")) + "}" },
        { "largest integer", "{\"RADIO_IDLE_TIMEOUT_MIN\":9007199254740991}" },
        { "empty name", "{\"K\":{},\"L\":[],\"M\":null}" },
    };

    [Theory]
    [MemberData(nameof(Extremes))]
    public void ExtremeChange_IsRefusedAsInvalid_AndTheLedgerOpensAgain(string what, string args)
    {
        RunningProgram daemon = _trial.StartDaemon();
        byte[] request = _trial.Signer.SetPolicy(args);
        Assert.True(request.Length <= 61_441, what);
        Assert.Equal("invalid_policy", _trial.Ask(request).Code());
        Assert.Equal("replayed", _trial.Ask(request).Code());
        daemon.Kill9();
        daemon = _trial.StartDaemon();
        Assert.Equal("replayed", _trial.Ask(request).Code());
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        Assert.Equal(0, daemon.Stop());
        Assert.Equal(0, _trial.ApplyPending().ExitCode);
    }

    [Fact]
    public void LargestAcceptedRequest_IsRecorded_AndTheLedgerOpensAgain()
    {
        RunningProgram daemon = _trial.StartDaemon();
        string good = TestSigner.Canonical(new JsonObject { ["KERNEL_HARDENING"] = "strict", ["RADIO_ISOLATION"] = "off" });
        JsonObject message = TestSigner.Draft(good);
        message["reason"] = string.Concat(Enumerable.Repeat("€", 1_024));
        byte[] request = _trial.Signer.Request(message);
        byte[] padded = new byte[61_440];
        padded.AsSpan().Fill((byte)' ');
        request.AsSpan(0, request.Length - 2).CopyTo(padded);
        padded[^1] = (byte)'}';
        Assert.Equal("ok", _trial.Ask(padded).Code());
        Assert.Equal("replayed", _trial.Ask(request).Code());
        daemon.Kill9();
        daemon = _trial.StartDaemon();
        Assert.Equal("off", _trial.Status().Policy("RADIO_ISOLATION"));
        Assert.Equal(0, daemon.Stop());
        Assert.Equal(0, _trial.ApplyPending().ExitCode);
        _trial.StartDaemon();
        Assert.Equal("strict", _trial.Status().Policy("KERNEL_HARDENING"));
    }
}
