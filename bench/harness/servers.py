"""The daemon and the yardsticks: each on a Unix socket of its own, with its data in a folder of its own on the disk below /var/tmp."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from harness.programs import BIN, TOOLS, TOP, cpu_seconds, kill, send, start, stop, which

VALUE_BYTES = 231
"""What a signed request of the load has, for those that store or carry a value."""


class Server:
    """A program in a folder that is made for it and taken away after it. `with` starts and stops it."""

    speak = "bus"

    def __init__(self):
        # Not /tmp, which may be in memory, where syncing costs nothing.
        self.folder = tempfile.mkdtemp(prefix="qwb", dir="/var/tmp")
        self.socket = os.path.join(self.folder, "socket")
        self.process = None

    def launch(self):
        raise NotImplementedError

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        self.process = self.launch()

    def stop(self):
        if self.process is not None:
            stop(self.process)
        self.process = None

    def load(self, **given):
        return send(self.socket, speak=self.speak, server_pid=self.process.pid, value_bytes=VALUE_BYTES, **given)


class Bus(Server):
    """qwamosd under a root of its own, with an operator's key that it believes."""

    def __init__(self, **configuration):
        super().__init__()
        self.socket = os.path.join(self.folder, "run/qwamos/bus.sock")
        self.home = os.path.join(self.folder, "operator")
        self.state = os.path.join(self.folder, "var/lib/qwamos")
        self.ctl = [os.path.join(BIN, "qwamosctl"), "--root", self.folder, "--home", self.home]
        subprocess.run([*self.ctl, "key", "show"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        etc = os.path.join(self.folder, "etc/qwamos")
        os.makedirs(etc, 0o755, exist_ok=True)
        self.anchor = shutil.copyfile(os.path.join(self.home, "ed25519_pk"), os.path.join(etc, "dom0.pub"))
        os.chmod(self.anchor, 0o644)
        if configuration:
            with open(os.path.join(etc, "qwamosd.json"), "w", encoding="ascii") as file:
                json.dump({"gateways": [], **configuration}, file)

    def launch(self):
        return start([os.path.join(BIN, "qwamosd"), "--root", self.folder], self.socket)

    def load(self, **given):
        return super().load(home=self.home, **given)

    def ledger_bytes(self):
        return sum(os.path.getsize(os.path.join(self.state, name)) for name in os.listdir(self.state) if name.startswith("ledger.db"))

    def found_group(self, holders):
        """A trust root of so many holders, the operator among them, signed by two; gives the system's ID."""
        homes = [os.path.join(self.folder, "holder%d" % number) for number in range(1, holders)]
        for home in homes:
            self._ctl(home, "key", "show")
        proposal = os.path.join(self.folder, "root.json")
        added = [item for number, home in enumerate(homes) for item in ("--add", "h%d=%s" % (number, os.path.join(home, "ed25519_pk")))]
        self._ctl(self.home, "trust", "init", "--holder", "operator", *added, "--yes", "--out", proposal)
        self._ctl(homes[0], "sign", "--yes", proposal)
        self._ctl(self.home, "send", proposal)
        with open(os.path.join(self.folder, "etc/qwamos/system.id"), encoding="ascii") as file:
            return file.read().strip()

    def _ctl(self, home, *arguments):
        done = subprocess.run([self.ctl[0], "--root", self.folder, "--home", home, *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0:
            raise SystemExit("qwamosctl %s: %s" % (" ".join(arguments), (done.stdout + done.stderr).decode()))


class OldDesign(Server):
    """The old design's daemon; it believes the key of a Bus."""

    def __init__(self, bus, *switches):
        super().__init__()
        self.home, self.anchor, self.switches = bus.home, bus.anchor, switches

    def launch(self):
        return start([
            sys.executable, "-B", os.path.join(TOP, "bench/old_design.py"), "--socket", self.socket, "--anchor", self.anchor,
            "--schema", os.path.join(TOP, "schemas/policy.schema.json"), "--status", os.path.join(self.folder, "status.json"), *self.switches], self.socket)

    def stop(self):
        if self.process is not None:
            kill(self.process)
        self.process = None

    def load(self, **given):
        return super().load(home=self.home, **given)


class Echo(Server):
    """The transport of the daemon, and nothing else. It is sent the same bytes."""

    def launch(self):
        return start([os.path.join(TOOLS, "qwamos-echo"), self.socket], self.socket)


class Etcd(Server):
    """etcd, one member, as it comes: each put is synced."""

    speak = "etcd"

    def __init__(self):
        super().__init__()
        # etcd wants a port in every address; it makes the whole of it the socket's name.
        self.socket = os.path.join(self.folder, "client:0")

    def launch(self):
        return start([
            which("etcd"), "--data-dir", "data", "--logger", "zap", "--log-level", "error",
            "--listen-client-urls", "unix://client:0", "--advertise-client-urls", "unix://client:0", "--listen-peer-urls", "unix://peer:0",
            "--initial-advertise-peer-urls", "unix://peer:0", "--initial-cluster", "default=unix://peer:0"], self.socket, folder=self.folder)

    def start(self):
        super().start()
        # It listens before it has elected itself.
        for _ in range(100):
            if subprocess.run(self.put("0"), env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise SystemExit("etcd does not take a value")

    def put(self, value):
        return [which("etcdctl"), "--endpoints=unix://" + self.socket, "put", "RADIO_IDLE_TIMEOUT_MIN", value]

    def environment(self):
        return {**os.environ, "ETCDCTL_API": "3"}


class Redis(Server):
    """Redis, synced before each answer."""

    speak = "redis"

    def launch(self):
        return start([
            which("redis-server"), "--port", "0", "--unixsocket", self.socket, "--dir", self.folder, "--save", "", "--appendonly", "yes",
            "--appendfsync", "always"], self.socket)


class DBus(Server):
    """A D-Bus daemon of its own, and a service on it that gives back what it is sent (sd-bus)."""

    def launch(self):
        return start([which("dbus-daemon"), "--session", "--nofork", "--nopidfile", "--address=unix:path=" + self.socket], self.socket)

    def start(self):
        super().start()
        self.service = subprocess.Popen(
            [os.path.join(TOOLS, "dbus-echo"), "serve"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env={**os.environ, **self.environment()})
        if self.service.stdout.readline() != b"ready\n":
            raise SystemExit("the D-Bus service does not start")

    def stop(self):
        kill(self.service)
        super().stop()

    def environment(self):
        return {"DBUS_SESSION_BUS_ADDRESS": "unix:path=" + self.socket}

    def call_once(self):
        return [which("busctl"), "--user", "call", "org.qwamos.Echo", "/org/qwamos/Echo", "org.qwamos.Echo", "Echo", "s", "5"]

    def load(self, requests, **_):
        pids = (self.process.pid, self.service.pid)
        before = sum(map(cpu_seconds, pids))
        done = subprocess.run(
            [os.path.join(TOOLS, "dbus-echo"), "call", str(requests), str(VALUE_BYTES)], stdout=subprocess.PIPE, env={**os.environ, **self.environment()}, check=True)
        result = json.loads(done.stdout)
        return {**result, "server_cpu_us": (sum(map(cpu_seconds, pids)) - before) / requests * 1e6}
