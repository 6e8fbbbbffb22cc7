#!/usr/bin/env python3
"""peer.py SOCKET REQUEST: connects as root, then hands the connection to a child with another uid, ends, and the child sends and prints the answer."""
import os
import socket
import sys


def main():
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    peer.connect(sys.argv[1])
    print("connected", os.getpid(), flush=True)
    parent = os.getpid()
    if os.fork():
        os._exit(0)
    while os.path.exists("/proc/%d" % parent):
        pass
    os.setgid(65534)
    os.setuid(65534)
    peer.sendall(sys.argv[2].encode())
    print(peer.recv(65536).decode(), end="", flush=True)


if __name__ == "__main__":
    main()
