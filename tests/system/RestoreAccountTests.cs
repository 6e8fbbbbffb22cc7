using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>
/// The published <c>qwamosd restore</c> as root runs it: on the system's own paths, in the folder of the daemon's account. In a mount namespace, so
/// that the machine's own folders stay as they are.
/// </summary>
public sealed class RestoreAccountTests : IDisposable
{
    private const string Script = """
        set -eu
        trap 'kill -KILL ${!:-} 2>/dev/null || true' EXIT # lest a daemon that is left outlive a failure, and hold our output
        for folder in /etc /var/lib /run; do mount -t tmpfs -o mode=755 none $folder; done
        mkdir -m 755 /run/bin /etc/qwamos
        mkdir -m 750 /var/lib/qwamos /var/lib/qwamos-boot
        chown 4711:4712 /var/lib/qwamos
        chgrp 4712 /var/lib/qwamos-boot
        cp "$1"/qwamosd "$1"/*.so /run/bin
        cp "$2"/etc/qwamos/dom0.pub "$2"/etc/qwamos/system.id /etc/qwamos
        mkdir -m 700 /run/secret
        cp "$2"/b.db /run/secret/b.db # root's alone: the account may not read it
        cp "$2"/older.db /run/secret/older.db
        serve() {
            setpriv --reuid=4711 --regid=4712 --clear-groups --bounding-set=-all /run/bin/qwamosd 2>/run/log &
            for try in $(seq 200); do grep -q ready /run/log && return; sleep 0.05; done
            cat /run/log >&2; return 1
        }
        end() { kill -TERM $!; wait $! || true; }
        strangers() {
            find /var/lib/qwamos /run/qwamos ! -uid 4711 -o ! -gid 4712
            find /var/lib/qwamos-boot ! -uid 0
            find /var/lib/qwamos-boot -type f ! -name lock ! -gid 4712
        }
        /run/bin/qwamosd restore /run/secret/b.db >/run/out
        strangers >&2
        serve; end
        ! /run/bin/qwamosd restore /run/secret/older.db >/run/out 2>/run/err
        grep -q 'does not have all that was seen, by the present ledger, the kept checkpoint, the last boot' /run/err
        /run/bin/qwamosd restore /run/secret/older.db --accept-older >/run/out
        strangers >&2
        ! setpriv --reuid=4711 --regid=4712 --clear-groups /run/bin/qwamosd restore /run/secret/b.db 2>/run/err
        grep -q 'run it as root' /run/err
        # A link in the account's folder leads root nowhere.
        serve; end
        mkdir /run/elsewhere
        chmod 777 /run/elsewhere
        setpriv --reuid=4711 --regid=4712 --clear-groups ln -s /run/elsewhere /var/lib/qwamos/restoring
        setpriv --reuid=4711 --regid=4712 --clear-groups sh -c 'rm -r /var/lib/qwamos/backups && ln -s /run/elsewhere /var/lib/qwamos/backups'
        ! /run/bin/qwamosd restore /run/secret/older.db --accept-older >/run/out 2>/run/err
        find /run/elsewhere -mindepth 1 >&2
        test -e /var/lib/qwamos/ledger.db
        setpriv --reuid=4711 --regid=4712 --clear-groups rm /var/lib/qwamos/backups
        /run/bin/qwamosd restore /run/secret/older.db --accept-older >/run/out
        serve; end
        grep 'boot note' /run/log
        """;

    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void RootsRestore_WorksInTheFolderOfTheDaemonsAccount_LeavesItTheDaemons_AndFollowsNoLink()
    {
        Needs.Root();
        Needs.Tool("setpriv");
        Needs.Tool("unshare");
        Assert.SkipUnless(Command.Run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/run"]).ExitCode == 0, "needs permission to mount");
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        Assert.Equal(0, _trial.Client("backup", _trial.At("/older.db")).ExitCode);
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"on\"").Code());
        Assert.Equal(0, _trial.Client("backup", _trial.At("/b.db")).ExitCode);
        Assert.Equal(0, daemon.Stop());

        CommandResult result = Command.Run(["unshare", "-m", "sh", "-c", Script, "sh", Path.GetDirectoryName(Binaries.Daemon)!, _trial.Root]);
        Assert.True(result.ExitCode == 0, result.Error + result.Output);
        Assert.Equal("", result.Error);
        Assert.Contains("an older ledger was put back, 1 entries", result.Output);
    }
}
