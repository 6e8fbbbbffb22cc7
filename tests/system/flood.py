#!/usr/bin/env python3
"""flood.py SOCKET CONNECTIONS: sends badly signed, otherwise good requests as fast as they are read, for at most 60 s."""
import base64
import json
import os
import socket
import sys
import threading
import time


def flood(path, until):
    signature = base64.b64encode(bytes(64)).decode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.connect(path)
        threading.Thread(target=swallow, args=(peer,), daemon=True).start()
        while time.time() < until:
            nonce = base64.b64encode(os.urandom(16)).decode()
            message = {"command": "set_policy", "args": {"RADIO_ISOLATION": "off"}, "nonce": nonce, "timestamp": int(time.time())}
            peer.sendall(json.dumps({"msg": message, "signature": signature}).encode() + b"\n")


def swallow(peer):
    while peer.recv(65536):
        pass


def main():
    path, connections = sys.argv[1], int(sys.argv[2])
    until = time.time() + 60
    threads = [threading.Thread(target=flood, args=(path, until)) for _ in range(connections)]
    for thread in threads:
        thread.start()
    print("flooding", flush=True)
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
