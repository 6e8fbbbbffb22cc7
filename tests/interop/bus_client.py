"""A client of the QWAMOS control bus in Python.

Written from the specification of the wire alone, with Debian's python3-nacl; it shares no code with
the C# programs. Other implementers may start from it: it is the whole protocol in one file.

    bus_client.py --socket PATH --home DIR set KEY VALUE
    bus_client.py --socket PATH status
"""

import argparse
import base64
import hashlib
import json
import os
import socket
import sys
import time

import nacl.signing

MAX_ANSWER_BYTES = 65_536
ANSWER_TIMEOUT_SECONDS = 15
KEY_ID_PREFIX = b"qwamos-key\n\x01"  # type byte 0x01: Ed25519


def canonical(msg):
    """The bytes that are signed: RFC 8785, which over the wire's domain is exactly this."""
    return json.dumps(msg, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def key_id(verify_key):
    """64 hexadecimal digits that name a public key."""
    return hashlib.sha256(KEY_ID_PREFIX + bytes(verify_key)).hexdigest()


def base_hash(applied):
    """The hash of one class's applied values, for `base` (compare and swap)."""
    return hashlib.sha256(canonical(applied)).hexdigest()


def new_nonce():
    return base64.b64encode(os.urandom(16)).decode()


def message(args, *, command="set_policy", now=None, **members):
    """A fresh `msg`; a member given as None is left out."""
    msg = {
        "command": command,
        "args": args,
        "nonce": new_nonce(),
        "timestamp": int(time.time()) if now is None else now,
    }
    msg.update(members)
    return {name: value for name, value in msg.items() if value is not None}


def sign(msg, signing_key):
    """The envelope of `msg` under one bare signature."""
    signature = signing_key.sign(canonical(msg)).signature
    return {"msg": msg, "signature": base64.b64encode(signature).decode()}


def encode(envelope):
    """An envelope as it travels; the newline is a courtesy to readers of lines."""
    return json.dumps(envelope, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


class Connection:
    """One connection: requests go out in one write each, answers come back in order, one a line."""

    def __init__(self, path, timeout=ANSWER_TIMEOUT_SECONDS):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        self._socket.connect(path)
        self._buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def send(self, data):
        self._socket.sendall(data)

    def finish(self):
        """Says that no more requests follow; answers can still be read."""
        self._socket.shutdown(socket.SHUT_WR)

    def receive(self):
        """The next answer, or None at the end of the stream."""
        while b"\n" not in self._buffer:
            try:
                part = self._socket.recv(MAX_ANSWER_BYTES)
            except ConnectionResetError:
                part = b""
            if not part:
                break
            self._buffer += part
            if len(self._buffer) > MAX_ANSWER_BYTES and b"\n" not in self._buffer:
                raise ValueError("the answer passes %d bytes" % MAX_ANSWER_BYTES)
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line) if line.strip() else None


def ask(path, data, timeout=ANSWER_TIMEOUT_SECONDS):
    """One request and its answer over a connection of their own."""
    with Connection(path, timeout) as connection:
        connection.send(data)
        return connection.receive()


def load_key(home):
    """The operator's private key: a raw seed of 32 bytes."""
    with open(os.path.join(home, "ed25519_sk"), "rb") as file:
        return nacl.signing.SigningKey(file.read())


def _typed(text):
    """A value as the wire wants it: integers and booleans are not strings."""
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text)
    except ValueError:
        return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--socket", default="/run/qwamos/bus.sock")
    parser.add_argument("--home", default=os.path.expanduser("~/.qwamos/dom0"))
    commands = parser.add_subparsers(dest="command", required=True)
    change = commands.add_parser("set", help="sign and send one change")
    change.add_argument("key")
    change.add_argument("value")
    commands.add_parser("status", help="ask for the state, unsigned")
    options = parser.parse_args()
    if options.command == "set":
        args = {options.key: _typed(options.value)}
        request = encode(sign(message(args), load_key(options.home)))
    else:
        request = encode({"msg": {"command": "get_status"}})
    answer = ask(options.socket, request)
    print(json.dumps(answer, indent=2, ensure_ascii=True))
    return 0 if answer and answer.get("status") == "ok" else 1


if __name__ == "__main__":
    sys.exit(main())
