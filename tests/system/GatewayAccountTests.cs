using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>
/// The published gateway as its packages run it: on the system's own paths, under an account of its own, beside commands of root. In a mount
/// namespace, so that the machine's own folders stay as they are.
/// </summary>
public sealed class GatewayAccountTests : IDisposable
{
    private const string Setup = """
        set -eu
        trap 'kill -KILL ${!:-} 2>/dev/null || true' EXIT # lest a daemon that is left outlive a failure, and hold our output
        for folder in /etc /var/lib /run; do mount -t tmpfs -o mode=755 none $folder; done
        mkdir -m 755 /run/bin /etc/qwamos
        mkdir -m 700 /var/lib/qwamos-gateway
        chown 4711:4712 /var/lib/qwamos-gateway
        cp "$1"/gateway-policyd "$1"/*.so /run/bin
        gateway() { /run/bin/gateway-policyd "$@" </dev/null; }
        serve() {
            mkdir -p -m 755 /run/qwamos && chown 4711:4712 /run/qwamos
            : >/run/log # lest the word of the one before be taken for this one's
            setpriv --reuid=4711 --regid=4712 --clear-groups --bounding-set=-all /run/bin/gateway-policyd 2>/run/log &
            for try in $(seq 200); do grep -q ready /run/log && return; sleep 0.05; done
            cat /run/log >&2; return 1
        }
        end() { kill -TERM $!; wait $!; }

        """;

    private const string RootsCommands = Setup + """
        gateway enroll "$2" --fingerprint "$3" --system 00112233445566778899aabbccddeeff >/dev/null
        serve; end
        rm -r /run/qwamos # as after a boot
        gateway set-time-floor 1700000000 >/dev/null
        gateway enroll "$4" --fingerprint "$5" --replace >/dev/null
        cmp -s "$4" /etc/qwamos/dom0.pub
        find /var/lib/qwamos-gateway ! -uid 4711 -o ! -gid 4712 >&2
        find /etc/qwamos ! -uid 0 -o ! -gid 0 >&2
        serve
        gateway set-time-floor 5 >/dev/null && exit 1
        gateway status -o json
        end
        """;

    private const string Hooks = Setup + """
        hook=/etc/qwamos/hooks.d/RADIO_ISOLATION
        ask() { /usr/bin/python3 -c 'import socket, sys; s = socket.socket(1); s.connect("/run/qwamos/gateway-bus.sock"); s.sendall(sys.argv[1].encode()); print(s.recv(65536).decode())' "$1"; }
        enforced() {
            for try in $(seq 200); do gateway status | grep -q "$1" && return; sleep 0.05; done
            gateway status >&2; return 1
        }
        gateway enroll "$2" --fingerprint "$3" --system 00112233445566778899aabbccddeeff >/dev/null
        mkdir -m 755 /etc/qwamos/hooks.d
        printf '#!/bin/sh\nid -u >>/run/qwamos/seen\n' >$hook
        chmod 755 $hook
        chown 4711 $hook
        serve
        ask "$4" | grep -q '"status":"ok"'
        enforced "failed: the hook cannot be trusted: $hook is owned by uid 4711"
        test ! -e /run/qwamos/seen
        chown 0 $hook
        chown 4711 /etc/qwamos/hooks.d
        ask "$5" | grep -q '"status":"ok"'
        enforced "failed: the hook cannot be trusted: /etc/qwamos/hooks.d is owned by uid 4711"
        test ! -e /run/qwamos/seen
        chown 0 /etc/qwamos/hooks.d
        ask "$6" | grep -q '"status":"ok"'
        enforced "(done)"
        end
        cat /run/qwamos/seen
        """;

    private readonly Trial _trial = new(enrolled: false);

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void RootsCommands_WorkOnTheFolderOfTheDaemonsAccount_AndLeaveItTheDaemons()
    {
        (string one, TestSigner first) = Key("one");
        (string two, TestSigner second) = Key("two");
        CommandResult result = Run(RootsCommands, one, first.KeyId, two, second.KeyId);
        Assert.Equal("gateway-policyd runs: stop it first: systemctl stop gateway-policyd.socket gateway-policyd", result.Error.Trim());
        using JsonDocument status = JsonDocument.Parse(result.Output);
        Assert.Equal(2, status.RootElement.GetProperty("size").GetInt64());
        Assert.Equal(second.KeyId, status.RootElement.GetProperty("key_id").GetString());
    }

    [Fact]
    public void Attack27_HookThatIsNotRoots_OrInAFolderThatIsNot_IsNotRun_RootsIs_AsTheDaemonsAccount()
    {
        (string file, TestSigner key) = Key("one");
        string[] requests = [.. new[] { "off", "on", "off" }.Select(value => System.Text.Encoding.UTF8.GetString(key.SetPolicy($"{{\"RADIO_ISOLATION\":\"{value}\"}}")))];
        Assert.Equal("4711\n", Run(Hooks, [file, key.KeyId, .. requests]).Output);
    }

    private static CommandResult Run(string script, params string[] arguments)
    {
        Needs.Root();
        Needs.Tool("setpriv");
        Needs.Tool("unshare");
        Assert.SkipUnless(Command.Run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/run"]).ExitCode == 0, "needs permission to mount");
        CommandResult result = Command.Run(["unshare", "-m", "sh", "-c", script, "sh", Path.GetDirectoryName(Binaries.Gateway)!, .. arguments]);
        Assert.True(result.ExitCode == 0, result.Error);
        return result;
    }

    private (string Path, TestSigner Key) Key(string name)
    {
        TestSigner key = TestSigner.Fresh();
        string path = _trial.At("/" + name);
        File.WriteAllBytes(path, key.PublicKey);
        return (path, key);
    }
}
