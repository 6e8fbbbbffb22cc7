using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>A key is replaced while changes go on, with a hundred gateways: no honest change is refused, and none is lost anywhere.</summary>
public sealed class RotationTests(ITestOutputHelper output) : IDisposable
{
    private const int Gateways = 100;
    private const int ChangesAPart = 12;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(150);

    private readonly Trial _dom0 = new();
    private readonly List<Trial> _vms = [];
    private readonly List<string> _faults = [];
    private Roots _roots = null!;
    private int _changes;

    public void Dispose()
    {
        foreach (Trial vm in _vms)
            vm.Dispose();
        _dom0.Dispose();
    }

    [Fact]
    public void HundredGatewaysUnderLoad_NoHonestChangeIsRefused_AndNoneIsLost()
    {
        StartAll();
        TestSigner old = _dom0.Signer, next = TestSigner.Fresh();
        Bring(_roots.Draft(1, ("alice", old)), old);
        Send(old, ChangesAPart);
        Bring(_roots.Draft(2, ("alice", old), ("alice", next)), old, next);
        // Whoever does not know yet goes on with the old key, and whoever does takes the new one.
        for (int i = 0; i < ChangesAPart; i++)
            Send(i % 2 == 0 ? old : next, 1);
        JsonObject last = _roots.Draft(3, ("alice", next));
        Bring(last, old, next);
        var overlap = Stopwatch.StartNew();
        Send(next, ChangesAPart);
        string hash = Roots.Hash(last);
        // Three trust roots and all changes; a gateway that refused one would have an entry less, or one of a refusal in its place.
        int entries = _changes + 3;
        Assert.Equal(entries, _dom0.Status().GetProperty("size").GetInt64());
        foreach (Trial vm in _vms)
            Eventually.True(() => HasAll(vm, hash, entries), $"{vm.Root} has all", () => $"{Status(vm)}\n{_dom0.Status()}");
        output.WriteLine($"{_changes} changes at {Gateways} gateways: all had all {overlap.Elapsed.TotalSeconds:F1} s after the overlap's end");
        Assert.Empty(_faults);
        // A bare signature names no key.
        Assert.Equal("bad_signature", _dom0.Ask(Change(old)).Code());
        Assert.Equal("bad_signature", _dom0.Ask(Change(old), _vms[0].GatewaySocket).Code());
    }

    private void StartAll()
    {
        IEnumerable<string> rows = Enumerable.Range(0, Gateways).Select(i => $$"""{"name":"g{{i}}","class":"gateway","socket":"/vm/{{i}}/run/qwamos/gateway-bus.sock"}""");
        _dom0.Write("/etc/qwamos/qwamosd.json", $$"""{"gateways":[{{string.Join(',', rows)}}]}""");
        _dom0.StartDaemon();
        _roots = Roots.Of(_dom0);
        for (int i = 0; i < Gateways; i++)
        {
            var vm = new Trial(_dom0.At($"/vm/{i}"), _dom0.Home);
            _vms.Add(vm);
            vm.Write("/etc/qwamos/gateway.json", $$"""{"name":"g{{i}}","class":"gateway"}""");
            vm.Write("/etc/qwamos/system.id", File.ReadAllText(_dom0.At("/etc/qwamos/system.id")));
            File.Copy(_dom0.At("/etc/qwamos/dom0.pub"), vm.At("/etc/qwamos/dom0.pub"));
            vm.StartGateway();
        }
    }

    private void Send(TestSigner key, int count)
    {
        for (int i = 0; i < count; i++)
        {
            JsonElement answer = _dom0.Ask(Change(key));
            if (answer.Code() != "ok")
                _faults.Add(answer.ToString());
            _changes++;
            Thread.Sleep(Pause);
        }
    }

    private byte[] Change(TestSigner key)
    {
        JsonObject message = TestSigner.Draft($$"""{"RADIO_IDLE_TIMEOUT_MIN":{{_changes % 1000}}}""");
        message["system"] = _roots.System;
        return key.Request(message);
    }

    private void Bring(JsonObject root, params TestSigner[] signers)
    {
        JsonElement answer = _dom0.Ask(Roots.Request(root, signers));
        Assert.True(answer.Code() == "ok", answer.ToString());
    }

    private static bool HasAll(Trial vm, string hash, int entries)
    {
        JsonElement status = Status(vm);
        return status.GetProperty("trust") is { ValueKind: JsonValueKind.Object } trust && trust.GetProperty("sha256").GetString() == hash
            && status.GetProperty("size").GetInt64() == 2 * entries; // each, and that it was delivered
    }

    private static JsonElement Status(Trial vm) => vm.Ask("""{"msg":{"command":"get_status"}}"""u8, vm.GatewaySocket);
}
