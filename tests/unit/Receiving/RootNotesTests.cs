using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Tests.Witnessing;
using Qwamos.Gateway;
using Qwamos.Gateway.Receiving;
using Xunit;

namespace Qwamos.ControlBus.Tests.Receiving;

/// <summary>Root's commands for a gateway that does not run.</summary>
public sealed class RootNotesTests : IDisposable
{
    private readonly WitnessTrial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void Witness_key_that_set_time_floor_renews_is_logged_with_the_old_one_and_why()
    {
        Assert.Equal("ok", _trial.Take(_trial.Offer(0, 5)));
        CosignatureKey old = _trial.Witness.Key;
        string other = new('b', SystemId.Digits);
        File.WriteAllBytes(_trial.Paths.AnchorFile, _trial.Operator.Public.Raw.ToArray());
        File.WriteAllText(_trial.Paths.SystemIdFile, other + "\n");
        File.WriteAllText(_trial.Paths.GatewayConfigFile, """{"name":"sys-net","class":"gateway"}""");
        File.SetUnixFileMode(_trial.Paths.GatewayConfigFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var log = new KeptLog();
        Assert.Null(RootNotes.LowerFloor(_trial.Paths, 5, new LogMessages(log)));

        string renewed = Assert.Single(log.Lines, line => line.StartsWith("the witness has a new key, ", StringComparison.Ordinal));
        Assert.Contains($"qwamos/{other}/", renewed, StringComparison.Ordinal);
        Assert.Contains(WitnessTrial.Origin(other), renewed, StringComparison.Ordinal);
        Assert.True(CosignatureKey.TryParse(renewed[(renewed.LastIndexOf(' ') + 1)..], out CosignatureKey? named, out string? fault), fault);
        Assert.Equal(old.Public.Id, named.Public.Id);
        Assert.Contains(log.Lines, line => line.StartsWith("evidence is kept in ", StringComparison.Ordinal));
    }
}
