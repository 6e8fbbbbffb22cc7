using Qwamos.ControlBus.Policy;
using Xunit;

namespace Qwamos.ControlBus.Tests.Policy;

public sealed class NearestNameTests
{
    [Theory]
    [InlineData("TOR_ISOLATON", "TOR_ISOLATION")]
    [InlineData("tor-isolation", "TOR_ISOLATION")]
    [InlineData("VPN_KILLSWITCH", "VPN_KILL_SWITCH")]
    [InlineData("RADIO_HARDENING_level", "RADIO_HARDENING.level")]
    [InlineData("RAIDO_ISOLATION", "RADIO_ISOLATION")]
    [InlineData("duress.enable", "DURESS.enabled")]
    public void Mistyped_key_finds_the_key_that_was_meant(string typed, string meant)
        => Assert.Equal(meant, PolicySchema.BuiltIn.Nearest(typed));

    [Theory]
    [InlineData("")]
    [InlineData("XYZZY")]
    [InlineData("=")]
    public void Strange_name_finds_none(string typed) => Assert.Null(PolicySchema.BuiltIn.Nearest(typed));

    [Fact]
    public void Overlong_name_finds_none() => Assert.Null(NearestName.Of(new string('A', 65), [new string('A', 64)]));

    [Fact]
    public void Two_equally_near_names_give_none() => Assert.Null(NearestName.Of("of", ["on", "off"]));

    [Fact]
    public void Short_values_are_not_confused() => Assert.Null(NearestName.Of("yes", ["on", "off"]));
}
