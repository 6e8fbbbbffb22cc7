"""The yardstick: the client of the old design, as a whole process: load the key, sign, connect, send, print the answer.

    old_client.py --socket PATH --key FILE NAME VALUE
"""

import argparse
import base64
import json
import os
import socket
import sys
import time

import nacl.signing


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--socket", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("name")
    parser.add_argument("value")
    options = parser.parse_args()
    with open(options.key, "rb") as file:
        key = nacl.signing.SigningKey(file.read())
    value = int(options.value) if options.value.isdigit() else options.value
    msg = {
        "command": "set_policy", "args": {options.name: value},
        "nonce": base64.b64encode(os.urandom(16)).decode(), "timestamp": int(time.time()),
    }
    signed = json.dumps(msg, sort_keys=True, separators=(",", ":")).encode()
    request = {"msg": msg, "signature": base64.b64encode(key.sign(signed).signature).decode()}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(options.socket)
        client.sendall(json.dumps(request).encode())
        answer = json.loads(client.recv(65_536))
    print(json.dumps(answer))
    return 0 if answer["status"] == "ok" else 1


if __name__ == "__main__":
    sys.exit(main())
