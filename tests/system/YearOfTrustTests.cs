using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>
/// A year of a group of five, by the published programs with their clocks moved: two rotations, a theft, a lost key, a gateway that sleeps all the time, and a clock that
/// jumps. Every honest signature must be accepted, every stolen one refused from its revocation on, and in the end all domains agree.
/// </summary>
public sealed class YearOfTrustTests : IDisposable
{
    private const long DaySeconds = 86_400;
    private const string Armed = """{"GHOST.trigger":"armed"}""";
    private static readonly string[] Group = ["alice", "bob", "carol", "dave", "eve"];
    private static readonly string[] Tor = ["off", "mandatory", "optional"];

    private readonly Trial _dom0 = new();
    private readonly Trial _awake;
    private readonly Trial _asleep;
    private readonly Dictionary<string, TestSigner> _keys = [];
    private readonly string? _library = FakeTime.Library();
    private readonly List<byte[]> _stolen = [];
    private Roots _roots = null!;
    private JsonObject _root = null!;
    private RunningProgram? _daemon;
    private RunningProgram? _gateway;
    private long _day;
    private long _back;
    private long _version;
    private int _honest;

    public YearOfTrustTests()
    {
        _awake = Vm("awake");
        _asleep = Vm("asleep");
        _dom0.Write("/etc/qwamos/qwamosd.json", """
            {"gateways":[{"name":"awake","class":"gateway","socket":"/vm/awake/run/qwamos/gateway-bus.sock"},
                         {"name":"asleep","class":"gateway","socket":"/vm/asleep/run/qwamos/gateway-bus.sock"}]}
            """);
        _keys["alice"] = _dom0.Signer;
        foreach (string name in Group[1..])
            _keys[name] = TestSigner.Fresh();
    }

    public void Dispose()
    {
        _awake.Dispose();
        _asleep.Dispose();
        _dom0.Dispose();
    }

    [Fact]
    public void EndsWithAllDomainsAgreed()
    {
        Assert.SkipWhen(_library is null, "needs faketime, which is not installed");
        BeginWithOneKey();
        FoundTheGroup();
        WaitForASecondSigner();
        Rotate("bob", day: 30);
        Theft(day: 60);
        LoseAKey("dave", day: 90);
        ClockJumps(day: 120);
        Rotate("eve", day: 200);
        Renew(day: 300);
        WakeTheSleeper(day: 364);
        Audit();
    }

    private void BeginWithOneKey()
    {
        StartOn(0);
        // Else what is older than 300 s at a gateway waits for it.
        Client("audit", "key", "--sign");
        Accepted(Request(Draft(Change("off"), system: false), "alice"));
        foreach (Trial vm in new[] { _awake, _asleep })
        {
            vm.Write("/etc/qwamos/system.id", File.ReadAllText(_dom0.At("/etc/qwamos/system.id")));
            File.Copy(_dom0.At("/etc/qwamos/dom0.pub"), vm.At("/etc/qwamos/dom0.pub"));
        }
        _roots = Roots.Of(_dom0);
        _gateway = _awake.StartGateway(environment: Clock());
    }

    /// <summary>Root and arming need two of five; the enrolled key, which is alice's, begins.</summary>
    private void FoundTheGroup()
    {
        _root = _roots.Draft(1, [.. Group.Select(name => (name, _keys[name]))]);
        _root["roles"]!["root"] = Roots.Role(2, Group);
        JsonObject arming = Roots.Role(2, Group);
        arming["policy"] = new JsonArray(new JsonObject { ["key"] = "GHOST.trigger", ["values"] = new JsonArray("armed") });
        _root["roles"]!["arming"] = arming;
        _version = 0;
        Assert.Equal("not_authorised", Bring(_root, "alice").Code());
        Assert.Equal("not_authorised", Bring(_root, "bob", "carol").Code());
        Next(_root, "alice", "bob");
        Refused("wrong_system", Request(Draft(Change("mandatory"), system: false), "alice"));
        foreach (string name in Group)
            Accepted(Request(Draft(Change(Tor[_honest % 3])), name));
    }

    /// <summary>A change signed by one waits five days for the second, and holds then, at the bus; replayed it is known.</summary>
    private void WaitForASecondSigner()
    {
        JsonObject proposal = Draft(Armed);
        proposal["expires"] = Now + (7 * DaySeconds);
        JsonElement missing = _dom0.Ask(Request(proposal, "alice"));
        Assert.Equal("not_authorised", missing.Code());
        Assert.Equal("alice", missing.GetProperty("missing")[0].GetProperty("have")[0].GetString());
        StartOn(5);
        Accepted(Request(proposal, "alice", "carol"));
        Refused("replayed", Request(proposal, "alice", "carol"));
        StartOn(8);
        Refused("expired", Request(proposal, "alice", "carol"));
        JsonObject late = Draft(Armed, at: Now - (3 * DaySeconds));
        Refused("stale", Request(late, "alice", "carol"));
        Accepted(Request(Draft("""{"GHOST.trigger":"disarmed"}"""), "dave"));
    }

    /// <summary>One version lists both keys, the next only the new one.</summary>
    private void Rotate(string name, long day)
    {
        StartOn(day);
        TestSigner old = _keys[name], next = TestSigner.Fresh();
        _root["holders"]![name] = new JsonArray(Roots.KeyOf(old), Roots.KeyOf(next));
        Next(_root, name, "alice");
        Accepted(Sign(Draft(Change("off")), old));
        Accepted(Sign(Draft(Change("mandatory")), next));
        // Two keys of one holder are one holder.
        Refused("not_authorised", Sign(Draft(Armed), old, next));
        StartOn(day + 1);
        _keys[name] = next;
        _root["holders"]![name] = new JsonArray(Roots.KeyOf(next));
        Next(_root, name, "alice");
        Refused("unknown_key", Sign(Draft(Change("off")), old));
        Accepted(Request(Draft(Change("off")), name));
    }

    /// <summary>Carol's key is stolen. What it set is disowned from the first index after the theft on, and put back; she gets another one.</summary>
    private void Theft(long day)
    {
        StartOn(day);
        Accepted(Request(Draft(Change("mandatory")), "carol"));
        TestSigner thief = _keys["carol"];
        JsonElement taken = _dom0.Ask(Sign(Draft(Change("off")), thief));
        Assert.Equal("ok", taken.Code());
        long cut = taken.GetProperty("index").GetInt64();
        _keys["carol"] = TestSigner.Fresh();
        _root["holders"]!["carol"] = new JsonArray(Roots.KeyOf(_keys["carol"]));
        _root["revoked"] = new JsonArray(Roots.Revoked(thief, cut));
        // The thief alone cannot keep the place.
        JsonObject own = (JsonObject)_root.DeepClone();
        own["version"] = _version + 1;
        own["created"] = Now;
        own["holders"]!["carol"] = new JsonArray(Roots.KeyOf(thief));
        own["revoked"] = new JsonArray();
        Assert.Equal("not_authorised", _dom0.Ask(Roots.Request(own, thief)).Code());
        Next(_root, "alice", "dave");
        Accepted(Request(Draft(Change("mandatory")), "alice"));
        for (long at = Now - 600; at <= Now + 600; at += 150)
        {
            _stolen.Add(Sign(Draft(Change("off"), at: at), thief));
            _stolen.Add(Sign(Draft(Armed, at: at), thief, _keys["bob"]));
        }
        _stolen.Add(Roots.Request(own, thief));
        TryStolen();
    }

    private void TryStolen()
    {
        foreach (byte[] request in _stolen)
        {
            Assert.NotEqual("ok", _dom0.Ask(request).Code());
            Assert.NotEqual("ok", _dom0.Ask(request, _awake.GatewaySocket).Code());
        }
    }

    /// <summary>Two others give the one who lost a key another.</summary>
    private void LoseAKey(string name, long day)
    {
        StartOn(day);
        _keys[name] = TestSigner.Fresh();
        Refused("unknown_key", Request(Draft(Change("off")), name));
        _root["holders"]![name] = new JsonArray(Roots.KeyOf(_keys[name]));
        Next(_root, "bob", "eve");
        Accepted(Request(Draft(Change("off")), name));
        TryStolen();
    }

    /// <summary>A day of 2100, when the trust root has long expired, and then an hour back: neither ends anything.</summary>
    private void ClockJumps(long day)
    {
        StartOn(day);
        Accepted(Request(Draft(Change("mandatory")), "alice"));
        long before = Now;
        StartOn(27_500);
        Refused("not_authorised", Request(Draft(Change("off")), "alice"));
        Refused("stale", Request(Draft(Change("off"), at: before), "alice"));
        Assert.Equal("expired", BringAgain().Code());
        StartOn(day, back: 3_600);
        Accepted(Request(Draft("""{"RADIO_ISOLATION":"off"}""", at: before), "bob"));
        StartOn(day);
        Accepted(Request(Draft(Change("optional")), "bob"));
        TryStolen();
    }

    private void Renew(long day)
    {
        StartOn(day);
        _root["expires"] = Now + (365 * DaySeconds);
        Next(_root, "carol", "dave");
        Accepted(Request(Draft(Change("off")), "carol"));
    }

    /// <summary>It slept from the first day on, and knows only the enrolled key, which was alice's alone.</summary>
    private void WakeTheSleeper(long day)
    {
        StartOn(day);
        RunningProgram sleeper = _asleep.StartGateway(environment: Clock());
        Accepted(Request(Draft(Change("mandatory")), "dave"));
        string hash = Roots.Hash(_root);
        foreach (Trial vm in new[] { _asleep, _awake })
            Eventually.True(
                () => Trust(vm.GatewaySocket) is { } trust && trust == hash && Status(vm.GatewaySocket).Policy("TOR_ISOLATION") == "mandatory",
                "the gateway follows", () => $"{_dom0.Status()}\n{sleeper.Log}");
        Assert.Equal(hash, Trust(_dom0.BusSocket));
        foreach (byte[] request in _stolen)
            Assert.NotEqual("ok", _dom0.Ask(request, _asleep.GatewaySocket).Code());
        TryStolen();
    }

    /// <summary>From entry 0 on, by the enrolled key alone; the thief's entry stands, disowned. The boot agrees, too.</summary>
    private void Audit()
    {
        // A checkpoint's time is the ledger's own, which is a year ahead of this clock.
        JsonElement report = Client("audit", "verify");
        Assert.Equal(_version, report.GetProperty("trust_root").GetInt64());
        Assert.Equal(1, report.GetProperty("disowned").GetInt64());
        ProveEach(report.GetProperty("size").GetInt64());
        Assert.Equal(0, _daemon!.Stop());
        CommandResult boot = Command.Run([Binaries.Daemon, "apply-pending", "--root", _dom0.Root], environment: Clock().ToDictionary(pair => pair.Key, pair => (string?)pair.Value));
        Assert.True(boot.ExitCode == 0 && !boot.Error.Contains("refused", StringComparison.Ordinal), boot.Error);
        CommandResult fsck = Command.Run([Binaries.Daemon, "fsck", "--root", _dom0.Root]);
        Assert.True(fsck.ExitCode == 0, fsck.Output + fsck.Error);
        Assert.True(_honest >= 20, $"{_honest} honest changes");
    }

    /// <summary>Every entry of the year is proven offline, by the trust root of its time, what waited for days and what the boot or root wrote as well.</summary>
    private void ProveEach(long size)
    {
        int disowned = 0;
        for (long index = 0; index < size; index++)
        {
            _dom0.Write("/proof", Client("audit", "prove", $"{index}").GetProperty("proof").GetString()!);
            JsonElement proven = Client("audit", "check-proof", _dom0.At("/proof"));
            Assert.Equal(index, proven.GetProperty("index").GetInt64());
            Assert.Equal(_version, proven.GetProperty("newest_trust_version").GetInt64());
            disowned += proven.GetProperty("disowned").GetArrayLength();
        }
        Assert.Equal(1, disowned);
    }

    private JsonElement Client(params string[] arguments)
    {
        CommandResult result = Command.Run([Binaries.Client, "--root", _dom0.Root, "--home", _dom0.Home, "-o", "json", .. arguments], environment: Clock().ToDictionary(pair => pair.Key, pair => (string?)pair.Value));
        Assert.True(result.ExitCode == 0, string.Join(' ', arguments) + result.Output + result.Error);
        return JsonDocument.Parse(result.Output).RootElement;
    }

    private static string Change(string value) => $$"""{"TOR_ISOLATION":"{{value}}"}""";

    private long Now => TestSigner.Now + (_day * DaySeconds);

    private JsonObject Draft(string args, long? at = null, bool system = true)
    {
        JsonObject draft = TestSigner.Draft(args, at ?? Now);
        if (system)
            draft["system"] = _roots.System;
        return draft;
    }

    private byte[] Request(JsonObject message, params string[] names) => Sign(message, [.. names.Select(name => _keys[name])]);

    /// <summary>One bare signature where there is no trust root yet, else a list.</summary>
    private byte[] Sign(JsonObject message, params TestSigner[] signers)
    {
        if (_version == 0 && signers.Length == 1)
            return signers[0].Request(message);
        string canonical = TestSigner.Canonical(message);
        string signatures = string.Join(',', signers.Select(signer => $"{{\"key_id\":\"{signer.KeyId}\",\"signature\":\"{Convert.ToBase64String(signer.SignBytes(canonical))}\"}}"));
        return Encoding.UTF8.GetBytes($"{{\"msg\":{canonical},\"signatures\":[{signatures}]}}\n");
    }

    private void Accepted(byte[] request)
    {
        JsonElement answer = _dom0.Ask(request);
        Assert.True(answer.Code() == "ok", answer.ToString());
        _honest++;
    }

    private void Refused(string code, byte[] request)
    {
        JsonElement answer = _dom0.Ask(request);
        Assert.True(answer.Code() == code, answer.ToString());
    }

    private JsonElement Bring(JsonObject root, params string[] signers) => _dom0.Ask(Roots.Request(root, [.. signers.Select(name => _keys[name])]));

    /// <summary>A next version while the clock is wrong.</summary>
    private JsonElement BringAgain()
    {
        JsonObject next = (JsonObject)_root.DeepClone();
        next["version"] = _version + 1;
        return Bring(next, "alice", "bob");
    }

    private void Next(JsonObject root, params string[] signers)
    {
        root["version"] = ++_version;
        root["created"] = Now;
        if (root["expires"]!.GetValue<long>() < Now)
            root["expires"] = Now + (365 * DaySeconds);
        JsonElement answer = Bring(root, signers);
        Assert.True(answer.Code() == "ok", answer.ToString());
        Eventually.True(() => Trust(_awake.GatewaySocket) == Roots.Hash(root), "the gateway that is awake takes it", () => $"{_dom0.Status()}\n{_gateway!.Log}\n{_dom0.Courier!.Log}");
    }

    private JsonElement Status(string socket) => _dom0.Ask("""{"msg":{"command":"get_status"}}"""u8, socket);

    private string? Trust(string socket) => Status(socket).GetProperty("trust") is { ValueKind: JsonValueKind.Object } trust ? trust.GetProperty("sha256").GetString() : null;

    private void StartOn(long day, long back = 0)
    {
        if (_daemon is not null)
            Assert.Equal(0, _daemon.Stop());
        if (_gateway is not null)
            Assert.Equal(0, _gateway.Stop());
        _day = day;
        _back = back;
        _daemon = _dom0.StartDaemon(environment: Clock());
        if (_gateway is not null)
            _gateway = _awake.StartGateway(environment: Clock());
    }

    private Dictionary<string, string> Clock() => new()
    {
        ["LD_PRELOAD"] = _library!, ["FAKETIME"] = $"+{(_day * DaySeconds) - _back}s", ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1", ["TZ"] = "UTC",
    };

    private Trial Vm(string name)
    {
        var vm = new Trial(_dom0.At($"/vm/{name}"), _dom0.Home);
        vm.Write("/etc/qwamos/gateway.json", $$"""{"name":"{{name}}","class":"gateway"}""");
        return vm;
    }
}
