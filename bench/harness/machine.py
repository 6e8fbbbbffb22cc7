"""Where it was measured."""

import os
import platform
import re
import subprocess


def machine():
    with open("/etc/os-release", encoding="utf-8") as file:
        system = re.search(r'PRETTY_NAME="([^"]+)"', file.read()).group(1)
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*: (.+)", file.read())
    with open("/proc/meminfo", encoding="ascii") as file:
        gigabytes = int(re.search(r"MemTotal:\s+(\d+)", file.read()).group(1)) / 1024 / 1024
    return {
        "cores": os.cpu_count(),
        "processor": model.group(1).strip() if model else platform.machine(),
        "architecture": platform.machine(),
        "memory_gb": round(gigabytes),
        "system": system,
        "kernel": ".".join(platform.release().split(".")[:2]),
        "file_system": said("findmnt", "-n", "-o", "FSTYPE", "-T", "/var/tmp"),
        "virtual": said("systemd-detect-virt") or "unknown",
    }


def versions():
    """Of the yardsticks."""
    return {
        "etcd": word_after(said("etcd", "--version"), "etcd Version: "),
        "Redis": word_after(said("redis-server", "--version"), "v="),
        "D-Bus": word_after(said("dbus-daemon", "--version"), "Daemon "),
        "OpenSSL": word_after(said("openssl", "version"), "OpenSSL "),
        "Python": platform.python_version(),
    }


def sentence(where):
    return "%d cores (%s, %s), %d GB, %s, Linux %s, virtualisation: %s, the load beside the daemon on the same cores; data on %s" % (
        where["cores"], where["processor"], where["architecture"], where["memory_gb"], where["system"], where["kernel"], where["virtual"], where["file_system"])


def said(*command):
    try:
        # The exit code is not asked: systemd-detect-virt says "none" with 1.
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout.decode().strip()
    except OSError:
        return ""


def word_after(text, mark):
    return text.partition(mark)[2].split()[0] if mark in text else "unknown"
