using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Policy;

/// <summary>The members of gateway.json for the built-in enforcers.</summary>
public sealed class EnforcerFactsTests : IDisposable
{
    private const string Full = """
        {"name":"gateway","class":"gateway",
         "firewall":{"inside":["eth1","vif3.0"],"outside":["eth0"],"control":{"interface":"eth2","port":9443},
           "tor":{"user":"debian-tor","trans_port":9040,"dns_port":5353,"socks_port":9050},
           "tunnel":{"interface":"wg0","endpoint":"2001:db8::7","port":51820,"protocol":"udp"}},
         "radio":{"interfaces":["wlan0"]},
         "drift":{"TOR_ISOLATION":"warn","RADIO_ISOLATION":"correct"}}
        """;

    private readonly TemporaryDirectory _directory = new();
    private readonly SystemPaths _paths;

    public EnforcerFactsTests()
    {
        Assert.True(SystemPaths.TryCreate(_directory.At("root"), out SystemPaths? made, out _));
        _paths = made;
        TrialTree.MakeMissing(_paths);
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void EveryFact_IsRead()
    {
        EnforcerFacts facts = Load(Full, out string fault)!;
        Assert.Equal("", fault);
        Assert.Equal(["eth1", "vif3.0"], facts.Firewall!.Inside);
        Assert.Equal(new ControlLink("eth2", 9443), facts.Firewall.Control);
        Assert.Equal(new TorFacts("debian-tor", 9040, 5353, 9050), facts.Firewall.Tor);
        Assert.Equal("2001:db8::7", facts.Firewall.Tunnel!.Endpoint.ToString());
        Assert.False(facts.Firewall.Tunnel.IsTcp);
        Assert.Equal(["wlan0"], facts.Radio!.Interfaces);
        Assert.Equal(["TOR_ISOLATION"], facts.WarnedOf);
        Assert.Equal(5, facts.Keys.Count());
    }

    [Fact]
    public void WithoutThem_NoEnforcerIsBuiltIn()
    {
        EnforcerFacts facts = Load("""{"name":"gateway","class":"gateway"}""", out _)!;
        Assert.Empty(facts.Keys);
        Assert.Empty(facts.WarnedOf);
    }

    [Fact]
    public void OnlyTheOutside_IsNeeded()
    {
        FirewallFacts facts = Load("""{"name":"gateway","class":"gateway","firewall":{"outside":["eth0"]}}""", out _)!.Firewall!;
        Assert.Empty(facts.Inside);
        Assert.Null(facts.Control);
        Assert.Null(facts.Tor);
        Assert.Null(facts.Tunnel);
    }

    [Fact]
    public void TheInside_MayBeAPattern() =>
        Assert.Equal(["eth1", "vif*"], Load(Full.Replace("vif3.0", "vif*", StringComparison.Ordinal), out _)!.Firewall!.Inside);

    [Theory]
    [InlineData("\"outside\":[\"eth0\"]", "\"outside\":[]", "outside must name an interface")]
    [InlineData("\"eth0\"", "\"eth1\"", "named once")]
    [InlineData("\"wg0\"", "\"eth0\"", "named once")]
    [InlineData("\"eth2\"", "\"wg0\"", "the control link cannot be the tunnel")]
    [InlineData("\"eth0\"", "\"lo\"", "is not lo")]
    [InlineData("\"eth0\"", "\"eth0\\\" accept; #\"", "the name of an interface")]
    [InlineData("\"eth0\"", "\"a-name-of-16-chr\"", "the name of an interface")]
    [InlineData("\"eth0\"", "\"eth*\"", "the name of an interface")]
    [InlineData("\"wg0\"", "\"wg*\"", "the name of an interface")]
    [InlineData("\"vif3.0\"", "\"eth*\"", "named once")]
    [InlineData("\"vif3.0\"", "\"w*\"", "named once")]
    [InlineData("\"vif3.0\"", "\"*\"", "the name of an interface")]
    [InlineData("\"vif3.0\"", "\"l*\"", "the name of an interface")]
    [InlineData("\"vif3.0\"", "\"v*f\"", "the name of an interface")]
    [InlineData("\"vif3.0\"", "\"vif**\"", "the name of an interface")]
    [InlineData("\"eth0\"", "1", "the name of an interface")]
    [InlineData("debian-tor", "root accept", "must be the name of a user")]
    [InlineData("9040", "9050", "are the same")]
    [InlineData("9443", "0", "port must be an integer from 1 to 65535")]
    [InlineData("5353", "65536", "dns_port must be an integer from 1 to 65535")]
    [InlineData("2001:db8::7", "2001:db8:0::7", "endpoint must be")]
    [InlineData("2001:db8::7", "fe80::1%eth0", "endpoint must be")]
    [InlineData("2001:db8::7", "vpn.example.org", "endpoint must be")]
    [InlineData("2001:db8::7", "1", "endpoint must be")]
    [InlineData("\"protocol\":\"udp\"", "\"protocol\":\"any\"", "protocol must be udp or tcp")]
    [InlineData("\"inside\"", "\"insides\"", "unknown member \"insides\"")]
    [InlineData("\"socks_port\"", "\"socksport\"", "unknown member \"socksport\"")]
    [InlineData("\"TOR_ISOLATION\":\"warn\"", "\"TOR_ISOLATION\":\"ignore\"", "must be correct or warn")]
    [InlineData("\"TOR_ISOLATION\":\"warn\"", "\"CLIPBOARD_ISOLATION\":\"warn\"", "unknown member \"CLIPBOARD_ISOLATION\"")]
    [InlineData("\"radio\":{\"interfaces\":[\"wlan0\"]}", "\"radio\":null", "radio is not an object")]
    [InlineData("\"class\":\"gateway\"", "\"class\":\"ui\"", "RADIO_HARDENING.level, which is no key of class ui")]
    public void WhatIsWrong_StopsTheStart_AndIsSaid(string right, string wrong, string expected)
    {
        Assert.Contains(right, Full, StringComparison.Ordinal);
        Assert.Null(Load(Full.Replace(right, wrong, StringComparison.Ordinal), out string fault));
        Assert.Contains(expected, fault, StringComparison.Ordinal);
        Assert.StartsWith($"{_paths.GatewayConfigFile}", fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"eth0\"", "\"lo\"", "firewall: outside: the name of an interface has")]
    [InlineData("\"wlan0\"", "\"lo\"", "radio: interfaces: the name of an interface has")]
    [InlineData("\"wg0\"", "\"lo\"", "firewall: tunnel: interface: the name of an interface has")]
    [InlineData("debian-tor", "root accept", "firewall: tor: user must be")]
    public void WhatIsWrong_IsSaidWithItsMember(string right, string wrong, string expected)
    {
        Assert.Null(Load(Full.Replace(right, wrong, StringComparison.Ordinal), out string fault));
        Assert.StartsWith($"{_paths.GatewayConfigFile}: {expected}", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void MoreInterfacesThanThereMayBe_StopTheStart()
    {
        string names = string.Join(',', Enumerable.Range(0, Limits.MaxInterfaces + 1).Select(i => $"\"out{i}\""));
        Assert.Null(Load(Full.Replace("\"eth0\"", names, StringComparison.Ordinal), out string fault));
        Assert.Contains("more than 8 items", fault, StringComparison.Ordinal);
    }

    private EnforcerFacts? Load(string content, out string fault)
    {
        File.WriteAllText(_paths.GatewayConfigFile, content);
        File.SetUnixFileMode(_paths.GatewayConfigFile, (UnixFileMode)0x1A4); // 0644
        return GatewayConfig.TryLoad(_paths, PolicySchema.BuiltIn, out GatewayConfig? config, out fault) ? config.Enforcers : null;
    }
}
