"""The yardstick: the old design of the bus as it was.

Single-threaded Python: one connection at a time, one read, one answer without a newline, close.
jsonschema for every message, a list of 10,000 nonces (full from the start, as after a day of use),
status.json written for each accepted change, nothing synced to the disk, nonces forgotten at exit.
It is here to be measured against, never to be used.

    old_design.py --socket PATH --anchor FILE --schema FILE --status FILE [--lean]

--lean only parses and verifies: no schema, no nonces, no time, no file. It is the least that such a
program can do, and no bus.
"""

import argparse
import base64
import json
import os
import socket
import sys
import time

import jsonschema
import nacl.exceptions
import nacl.signing

NONCES_REMEMBERED = 10_000
WINDOW_SECONDS = 300


class OldDaemon:
    def __init__(self, options):
        with open(options.anchor, "rb") as file:
            self.verify_key = nacl.signing.VerifyKey(file.read())
        with open(options.schema, encoding="utf-8") as file:
            self.schema = json.load(file)
        self.lean = options.lean
        self.status_file = options.status
        self.nonces = [base64.b64encode(os.urandom(16)).decode() for _ in range(NONCES_REMEMBERED)]
        self.policy = {}

    def handle(self, data):
        try:
            request = json.loads(data)
            msg, signature = request["msg"], base64.b64decode(request["signature"])
            signed = json.dumps(msg, sort_keys=True, separators=(",", ":")).encode()
            self.verify_key.verify(signed, signature)
        except (ValueError, KeyError, nacl.exceptions.BadSignatureError):
            return {"status": "error", "reason": "bad request or signature"}
        if self.lean:
            return {"status": "ok"}
        if abs(time.time() - msg["timestamp"]) > WINDOW_SECONDS:
            return {"status": "error", "reason": "stale"}
        if msg["nonce"] in self.nonces:
            return {"status": "error", "reason": "replayed"}
        self.nonces.append(msg["nonce"])
        if len(self.nonces) > NONCES_REMEMBERED:
            self.nonces.pop(0)
        if msg["command"] == "get_status":
            return {"status": "ok", "policy": self.policy, "pending": {}}
        return self.set_policy(msg["args"])

    def set_policy(self, args):
        try:
            jsonschema.validate(args, self.schema)
        except jsonschema.ValidationError as fault:
            return {"status": "error", "reason": fault.message}
        self.policy.update(args)
        with open(self.status_file, "w", encoding="utf-8") as file:
            json.dump({"policy": self.policy, "last_update": int(time.time())}, file, indent=2)
        return {"status": "ok", "result": {"runtime_applied": list(args), "reboot_staged": []}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--socket", "--anchor", "--schema", "--status"):
        parser.add_argument(name, required=True)
    parser.add_argument("--lean", action="store_true")
    options = parser.parse_args()
    daemon = OldDaemon(options)
    if os.path.exists(options.socket):
        os.unlink(options.socket)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(options.socket)
    listener.listen(64)
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        with connection:
            data = connection.recv(65_536)
            if data:
                connection.sendall(json.dumps(daemon.handle(data)).encode())


if __name__ == "__main__":
    sys.exit(main())
