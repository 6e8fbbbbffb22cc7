"""Runs the real programs under a root of their own, for the tests beside this file.

QWAMOS_BIN is the directory of the published programs (default: out/bin of this checkout).
"""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import nacl.signing

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BIN = os.environ.get("QWAMOS_BIN", os.path.join(TOP, "out", "bin"))
SCHEMA = os.path.join(TOP, "schemas", "policy.schema.json")
START_SECONDS = 20
STOP_SECONDS = 10
POLL_SECONDS = 0.02


def program(name):
    return os.path.join(BIN, name)


def wait_until(question, what, seconds=START_SECONDS):
    """The first true answer of `question`; a failure that says what did not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(POLL_SECONDS)
    raise AssertionError("not within %d s: %s" % (seconds, what))


def listens(path):
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.connect(path)
        return True
    except OSError:
        return False
    finally:
        probe.close()


class Rig:
    """A root with a key, an anchor and whatever is started in it; everything ends with `close`."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="qwi", dir="/tmp")
        self.key = nacl.signing.SigningKey.generate()
        self.home = os.path.join(self.root, "operator")
        os.mkdir(self.home, 0o700)
        self.write("operator/ed25519_sk", bytes(self.key), 0o600)
        self.write("operator/ed25519_pk", bytes(self.key.verify_key), 0o600)
        self.anchor = self.write("etc/qwamos/dom0.pub", bytes(self.key.verify_key), 0o644)
        os.makedirs(self.path("run/qwamos"), 0o755)
        self._running = {}

    def path(self, relative):
        return os.path.join(self.root, relative)

    def write(self, relative, content, mode=0o644):
        path = self.path(relative)
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, mode)
        return path

    def write_json(self, relative, value):
        return self.write(relative, json.dumps(value).encode())

    @property
    def bus(self):
        return self.path("run/qwamos/bus.sock")

    @property
    def gateway(self):
        return self.path("run/qwamos/gateway-bus.sock")

    def start(self, name, command, socket_path):
        log = open(self.path(name + ".log"), "ab")
        # No home: the key home of whoever runs the tests is no fallback for an anchor here.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.root, env={**os.environ, "HOME": self.path("nobody")})
        log.close()
        self._running[name] = process

        def ready():
            if process.poll() is not None:
                raise AssertionError("%s ended with %d: %s" % (name, process.returncode, self.log(name)))
            return listens(socket_path)

        wait_until(ready, name + " listens")

    def start_daemon(self):
        self.start("qwamosd", [program("qwamosd"), "--root", self.root], self.bus)

    def start_courier(self):
        self.start("courier", [program("qwamosd"), "courier", "--root", self.root], self.bus)

    def start_gateway(self):
        self.start("gateway-policyd", [program("gateway-policyd"), "--root", self.root], self.gateway)

    def start_python_gateway(self, name="gateway", path=None, record=None):
        path = path or self.gateway
        self.start("python-" + name, [
            sys.executable, "-B", os.path.join(HERE, "bus_gateway.py"), "--socket", path, "--anchor", self.anchor,
            "--schema", SCHEMA, "--record", record or self.path(name + ".jsonl"), "--name", name], path)

    def stop(self, name, number=signal.SIGTERM):
        process = self._running.pop(name)
        process.send_signal(number)
        return process.wait(STOP_SECONDS)

    def kill(self, name):
        self.stop(name, signal.SIGKILL)

    def log(self, name):
        with open(self.path(name + ".log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def ctl(self, *arguments):
        """`qwamosctl` as a whole process: its exit code and its parsed JSON answer (or None)."""
        done = subprocess.run(
            [program("qwamosctl"), "--root", self.root, "--home", self.home, *arguments, "-o", "json"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30, check=False)
        try:
            return done.returncode, json.loads(done.stdout)
        except ValueError:
            return done.returncode, {"stdout": done.stdout.decode(), "stderr": done.stderr.decode()}

    def close(self):
        for process in self._running.values():
            process.kill()
            process.wait()
        self._running.clear()
        shutil.rmtree(self.root, ignore_errors=True)


def old_design_runs():
    """Whether the yardstick's own package is there; nothing else needs it."""
    return importlib.util.find_spec("jsonschema") is not None


def missing(*names):
    """Why a test of these programs cannot run, or an empty string."""
    absent = [name for name in names if not os.access(program(name), os.X_OK)]
    return "not published under %s: %s" % (BIN, ", ".join(absent)) if absent else ""
