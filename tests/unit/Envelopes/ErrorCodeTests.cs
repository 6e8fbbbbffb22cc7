using Qwamos.ControlBus.Envelopes;
using Xunit;

namespace Qwamos.ControlBus.Tests.Envelopes;

public sealed class ErrorCodeTests
{
    [Fact]
    public void Table_holds_every_code_but_the_zero_value_once_and_in_order() =>
        Assert.Equal(Enum.GetValues<ErrorCode>().Where(code => code != ErrorCode.Refused), ErrorCodes.All);

    [Fact]
    public void Names_are_those_of_the_wire() =>
        Assert.Equal(
            "too_large bad_json bad_request not_supported unknown_command stale from_future expired wrong_system wrong_audience unknown_key "
            + "bad_signature not_authorised direct_disabled replayed base_mismatch fork unproven superseded invalid_policy mixed_domains busy replay_store_full storage_full storage_error",
            string.Join(' ', ErrorCodes.All.Select(ErrorCodes.Name)));

    [Fact]
    public void Every_name_leads_back_and_every_code_has_a_mend()
    {
        foreach (var code in ErrorCodes.All)
        {
            Assert.True(ErrorCodes.TryParse(ErrorCodes.Name(code), out var parsed));
            Assert.Equal(code, parsed);
            Assert.EndsWith(".", ErrorCodes.Mend(code), StringComparison.Ordinal);
        }

        Assert.False(ErrorCodes.TryParse("refused", out _));
    }
}
