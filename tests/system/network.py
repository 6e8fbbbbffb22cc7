"""What the machines of the firewall's tests do in their network namespaces: answer, send, send without end, and count what passes an interface.

  serve NAME UID PORT...   answers at PORT (tcp/80, udp/53) as NAME, in both families, until its standard input ends
  send UID SECONDS         takes lines "ID PROTOCOL ADDRESS PORT +|- [SOURCE-PORT]" and prints "ID NAME" for each that was answered: by whom. It waits up to
                           30 s for those with a +, and at least SECONDS for the others
  flood UID                takes lines "PROTOCOL ADDRESS PORT [INTERFACE]"; sends to each in turn, by that interface whatever the routes, until its standard
                           input ends; prints how many it sent
  hold PORT                waits for one connection, and sends a byte on it for each line on its standard input
  hear ADDRESS PORT        connects there, and for each line on its standard input prints whether the next byte comes within 10 s
  forget                   has the kernel forget every connection
  count INTERFACE          for each line on its standard input prints the IP packets since the start by "PROTOCOL PORT": those to that port
"""
import errno
import os
import select
import socket
import struct
import sys
import threading
import time


def become(uid):
    if int(uid):
        os.setgroups([])
        os.setgid(int(uid))
        os.setuid(int(uid))


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def serve(name, uid, *ports):
    sockets = []
    for port in ports:
        protocol, number = port.split("/")
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        for each in (socket.AF_INET, socket.AF_INET6):
            s = socket.socket(each, kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if each == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            elif kind == socket.SOCK_DGRAM:
                s.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO: the answer comes from the address that was asked
            if each == socket.AF_INET6 and kind == socket.SOCK_DGRAM:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            s.bind(("::" if each == socket.AF_INET6 else "0.0.0.0", int(number)))
            if kind == socket.SOCK_STREAM:
                s.listen(64)
            s.setblocking(False)
            sockets.append(s)
    become(uid)
    print("serves", flush=True)
    streams = set()
    while True:
        for ready in select.select([sys.stdin, *sockets, *streams], [], [])[0]:
            if ready is sys.stdin:
                return
            try:
                if ready in streams:
                    if ready.recv(64):
                        ready.send(name.encode())
                    ready.close()
                    streams.discard(ready)
                elif ready.type & socket.SOCK_STREAM:
                    streams.add(ready.accept()[0])
                else:
                    _, extra, _, sender = ready.recvmsg(64, 256)
                    ready.sendmsg([name.encode()], [part for part in extra if part[0] in (socket.IPPROTO_IP, socket.IPPROTO_IPV6)], 0, sender)
            except OSError:
                streams.discard(ready)


def send(uid, seconds):
    become(uid)
    begun = time.monotonic()
    answered, wanted, lock = {}, set(), threading.Lock()

    def ask(name, protocol, address, port, _, source=None):
        limit = 30 if name in wanted else float(seconds)
        while time.monotonic() - begun < limit and name not in answered:
            try:
                with socket.socket(family(address), socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM) as s:
                    s.settimeout(min(2, limit))
                    if source:
                        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                        s.bind(("", int(source)))
                    s.connect((address, int(port)))
                    s.send(b"?")
                    with lock:
                        answered[name] = s.recv(64).decode()
            except OSError:
                time.sleep(0.02)

    probes = [line.split() for line in sys.stdin if line.strip()]
    wanted.update(probe[0] for probe in probes if probe[4] == "+")
    threads = [threading.Thread(target=ask, args=probe, daemon=True) for probe in probes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(35)
    for name, by in answered.items():
        print(name, by)


def flood(uid):
    targets = []
    for line in sys.stdin:
        if line == "\n":
            break
        protocol, address, port, *interface = line.split()
        targets.append((protocol, family(address), (address, int(port)), *interface))
    become(uid)

    def open_for(target):
        protocol, each, _, *interface = target
        s = socket.socket(each, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
        if interface:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface[0].encode())
        return s

    datagrams = {target: open_for(target) for target in targets if target[0] == "udp"}
    sent = {target: 0 for target in targets}
    print("floods", flush=True)
    connecting = []
    while not select.select([sys.stdin], [], [], 0.001)[0]:
        for target in targets:
            where = target[2]
            try:
                if target in datagrams:
                    datagrams[target].sendto(b"leak", where)
                else:
                    s = open_for(target)
                    s.setblocking(False)
                    connecting.append(s)
                    if len(connecting) > 64:
                        connecting.pop(0).close()
                    s.connect(where)
            except OSError as e:
                # What our own output chain drops the sender is told of: it was tried all the same.
                if e.errno not in (errno.EPERM, errno.EINPROGRESS, errno.ENOBUFS, errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH):
                    raise
            sent[target] += 1
    print(min(sent.values()), flush=True)


def hold(port):
    with socket.create_server(("", int(port))) as server:
        print("holds", flush=True)
        s, _ = server.accept()
    for _ in sys.stdin:
        s.send(b"!")
        print("sent", flush=True)


def hear(address, port):
    s = socket.create_connection((address, int(port)), 10)
    print("hears", flush=True)
    for _ in sys.stdin:
        try:
            print("heard" if s.recv(1) else "closed", flush=True)
        except OSError as e:
            print(e, flush=True)


def forget():
    # ctnetlink: IPCTNL_MSG_CT_DELETE without a tuple, asking for an acknowledgement.
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as s:
        s.send(struct.pack("=IHHIIBBH", 20, 1 << 8 | 2, 5, 1, 0, 0, 0, 0))
        error = struct.unpack_from("=i", s.recv(4096), 16)[0]
    print("forgot" if error == 0 else os.strerror(-error))


def count(interface):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
    s.bind((interface, 3))
    seen = {}
    print("counts", flush=True)
    while True:
        ready = select.select([sys.stdin, s], [], [])[0]
        if s in ready:
            packet, (_, kind, direction, _, _) = s.recvfrom(2048)
            if direction == socket.PACKET_OUTGOING:
                continue
            if kind == 0x0800:
                protocol, start = packet[9], (packet[0] & 15) * 4
            elif kind == 0x86DD:
                protocol, start = packet[6], 40
            else:
                continue
            if protocol in (6, 17):
                key = f"{'tcp' if protocol == 6 else 'udp'} {struct.unpack_from('!H', packet, start + 2)[0]}"
            elif protocol in (1, 58):
                key = f"icmp {packet[start]}"
            else:
                key = f"ip {protocol}"
            seen[key] = seen.get(key, 0) + 1
        elif sys.stdin.readline():
            print(", ".join(f"{key}: {number}" for key, number in sorted(seen.items())), flush=True)
        else:
            return


globals()[sys.argv[1]](*sys.argv[2:])
