"""Programs: where they are, starting and stopping them, what they cost. Only what was started here is ever stopped."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.join(TOP, "out", "bin")
TOOLS = os.path.join(TOP, "out", "bench")
LOAD = os.path.join(TOOLS, "qwamos-load")
START_SECONDS = 20
STOP_SECONDS = 30
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def say(text):
    print(text, file=sys.stderr, flush=True)


def listens(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
            return True
        except OSError:
            return False


def start(command, path, environment=None, folder=None):
    """A running program that listens on `path`."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **(environment or {})}, cwd=folder)
    deadline = time.monotonic() + START_SECONDS
    while not listens(path):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise SystemExit("does not start: " + " ".join(command))
        time.sleep(0.01)
    return process


def stop(process):
    process.send_signal(signal.SIGTERM)
    process.wait(STOP_SECONDS)


def kill(process):
    process.kill()
    process.wait()


def options(given):
    return [item for name, value in given.items() for item in ("--" + name.replace("_", "-"), str(value))]


def tool(*arguments, prefix=()):
    """What the load generator printed."""
    done = subprocess.run([*prefix, LOAD, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def send(path, **given):
    """One run of the load; all of it must be accepted."""
    result = tool("send", "--socket", path, *options(given))
    if result["refused"] or not result["accepted"]:
        raise SystemExit("%s refused %d of %d, the first: %s" % (path, result["refused"], result["sent"], result["first_refusal"]))
    return result


def cpu_seconds(pid):
    """User and system time of a process."""
    with open("/proc/%d/stat" % pid, encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def resident_mb(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as file:
        kilobytes = re.search(r"VmRSS:\s+(\d+) kB", file.read())
    return int(kilobytes.group(1)) / 1024


NOWHERE = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0), (os.POSIX_SPAWN_DUP2, 1, 2)]


def whole_process(command, environment=None):
    """Wall and processor ms of a command from before it is started until it has ended well."""
    begin = time.perf_counter()
    pid = os.posix_spawn(command[0], command, {**os.environ, **(environment or {})}, file_actions=NOWHERE)
    _, status, usage = os.wait4(pid, 0)
    took = time.perf_counter() - begin
    if status != 0:
        raise SystemExit("failed: " + " ".join(command))
    return {"ms": took * 1000, "cpu_ms": (usage.ru_utime + usage.ru_stime) * 1000}


def which(name):
    for folder in os.environ["PATH"].split(":"):
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            return path
    raise SystemExit(name + " is not installed")
