using Qwamos.ControlBus.Json;
using Qwamos.Gateway;
using Qwamos.Gateway.Witnessing;
using Xunit;

namespace Qwamos.ControlBus.Tests.Witnessing;

/// <summary>What the gateway's own status tells a person.</summary>
public sealed class StatusTextTests : IDisposable
{
    private readonly WitnessTrial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void Attack37_Evidence_of_every_kind_against_somebody_is_told()
    {
        foreach (EvidenceKind kind in Enum.GetValues<EvidenceKind>())
            _trial.Witness.Evidence.Keep(kind, "two", null, null, kind.ToString());
        string text = StatusText.Of(JsonValue.Object([("witness", JsonValue.Object([("size", JsonValue.Of(5)), ("evidence", _trial.Witness.Evidence.ToJson())]))]));
        Assert.Equal(
            ["fork", "pinned_fork", "unproven", "unknown_key", "delivery"],
            text.Split('\n').Where(line => line.Contains("EVIDENCE of ", StringComparison.Ordinal)).Select(line => line.Split("EVIDENCE of ")[1].Split(':')[0]));
    }
}
