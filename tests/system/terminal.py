"""Runs a command at a terminal of its own, as a person who answers what it asks.

    terminal.py [EXPECT SEND]... -- COMMAND...

Waits for each EXPECT in what the terminal shows (a regular expression), then types SEND; in it ^C is that key, and a word `signal:NAME` sends the signal
to the command instead, `pause:SECONDS` only waits. What the terminal shows goes to standard output. At the end it says the exit code, a signal as a
negative one, and whether the terminal shows what is typed.
"""
import os
import pty
import re
import select
import signal
import sys
import termios
import time

PATIENCE_SECONDS = 60


def lead(command, said):
    """Leads the terminal's session, which ends with it, so that the terminal outlives the command: says the command's process, then its status."""
    for ignored in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTSTP):
        signal.signal(ignored, signal.SIG_IGN)
    pid = os.fork()
    if pid == 0:
        for restored in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTSTP):
            signal.signal(restored, signal.SIG_DFL)
        try:
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    os.write(said, b"%d\n" % pid)
    os.write(said, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    signal.pause()


def main(words):
    at = words.index("--")
    steps = list(zip(words[:at:2], words[1:at:2]))
    told, said = os.pipe()
    leader, master = pty.fork()
    if leader == 0:
        lead(words[at + 1:], said)
    os.close(said)
    status = os.fdopen(told)
    pid, code = int(status.readline()), None
    seen, deadline = "", time.monotonic() + PATIENCE_SECONDS
    while code is None and time.monotonic() < deadline:
        ready = select.select([master, status], [], [], 1)[0]
        if master in ready:
            seen += show(master)
            deadline = time.monotonic() + PATIENCE_SECONDS
        elif status in ready:
            code = int(status.readline())
        while steps and (match := re.search(steps[0][0], seen)):
            seen = seen[match.end():]
            act(steps.pop(0)[1], master, pid)
    shown = termios.tcgetattr(master)[3] & termios.ECHO
    print(f"\nexit {code}, echo {'on' if shown else 'off'}, steps left {len(steps)}")
    os.kill(leader, signal.SIGKILL)
    if code is None:
        os.kill(pid, signal.SIGKILL)


def show(master):
    text = os.read(master, 4096).decode("utf-8", "replace")
    sys.stdout.write(text.replace("\r\n", "\n"))
    sys.stdout.flush()
    return text


def act(what, master, pid):
    if what.startswith("signal:"):
        os.kill(pid, getattr(signal, what[7:]))
    elif what.startswith("pause:"):
        time.sleep(float(what[6:]))
    else:
        os.write(master, what.replace("^C", "\x03").encode())


main(sys.argv[1:])
