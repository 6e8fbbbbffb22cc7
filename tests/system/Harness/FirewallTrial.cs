using System.Text.Json;
using Xunit;

namespace Qwamos.SystemTests.Harness;

/// <summary>A trial whose gateway runs in the network namespace of one, with its firewall.</summary>
internal sealed class FirewallTrial : IDisposable
{
    private ThreeNetworks? _networks;

    public Trial Trial { get; } = new();

    public ThreeNetworks Networks => _networks ?? throw new InvalidOperationException("no networks are made yet");

    /// <summary>Makes the networks, in place of those before, and gateway.json.</summary>
    public ThreeNetworks Make(bool isUp = true, string torUser = "nobody")
    {
        _networks?.Dispose();
        _networks = ThreeNetworks.Make(isUp);
        Trial.Write("/etc/qwamos/gateway.json", ThreeNetworks.Facts(torUser));
        return _networks;
    }

    public RunningProgram Start(params string[] wrapper) => Trial.StartGateway([.. ThreeNetworks.In(Networks.Gateway), .. wrapper]);

    /// <summary>Answers everywhere: the internet, Dom0, and this gateway's Tor and control port.</summary>
    public void Serve()
    {
        Networks.Help(Networks.Internet, ["serve", "net", "0", "tcp/80", "udp/1234", "udp/53", "udp/51820"]);
        Networks.Help(Networks.Dom0, ["serve", "dom0", "0", "tcp/80"]);
        string tor = $"{ThreeNetworks.TorUser}";
        Networks.Help(Networks.Gateway, ["serve", "trans", tor, "tcp/9040"]);
        Networks.Help(Networks.Gateway, ["serve", "dns", tor, "udp/5353"]);
        Networks.Help(Networks.Gateway, ["serve", "socks", tor, "tcp/9050"]);
        Networks.Help(Networks.Gateway, ["serve", "control", "0", "tcp/9443"]);
    }

    /// <summary>Sets all three keys and waits until they are in force.</summary>
    public void Set(string hardening, string tor, string killSwitch)
    {
        Send($$"""{"RADIO_HARDENING.level":"{{hardening}}","TOR_ISOLATION":"{{tor}}","VPN_KILL_SWITCH":"{{killSwitch}}"}""");
        Await("TOR_ISOLATION", "done");
    }

    public void Send(string args) => Assert.Equal("ok", Trial.Ask(Trial.Signer.SetPolicy(args), Trial.GatewaySocket).Code());

    public void Await(string key, string outcome) => Eventually.True(() => Outcome(key) == outcome, $"{key} is {outcome}", () => Outcome(key));

    /// <summary>What status says of a key's enforcement; the empty string while it says nothing.</summary>
    public string Outcome(string key) =>
        Trial.Ask("""{"msg":{"command":"get_status"}}"""u8, Trial.GatewaySocket).GetProperty("enforcement").TryGetProperty(key, out JsonElement outcome) ? outcome.GetString()! : "";

    public void Dispose()
    {
        Trial.Dispose();
        _networks?.Dispose();
    }
}
