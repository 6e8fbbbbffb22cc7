"""A gateway of the QWAMOS control bus in Python.

Written from the specification of the wire alone, with Debian's python3-nacl; it shares no code with
the C# programs. It verifies each envelope again, answers with the codes in the order that the
specification fixes, remembers nonces in a file, and writes what it took as JSON lines.

    bus_gateway.py --socket PATH --anchor FILE --schema FILE --record FILE [--name gateway]
"""

import argparse
import base64
import binascii
import hashlib
import json
import os
import re
import signal
import socket
import sys
import threading
import time

import nacl.exceptions
import nacl.signing

import delivery

MAX_REQUEST_BYTES = 61_440
MAX_DELIVERY_BYTES = 131_072
MAX_DEPTH = 16
MAX_ARGS = 64
MAX_SIGNATURES = 16
MAX_REASON = 1024
MAX_SAFE_INTEGER = 2**53 - 1
WINDOW_SECONDS = 300
REQUEST_TIMEOUT_SECONDS = 10
WHITESPACE = b" \t\r\n"
MSG_MEMBERS = {"command", "args", "nonce", "timestamp", "expires", "audience", "system", "base", "reason", "mode"}
UNSIGNED = {"get_cursor", "checkpoint", "deliver", "ledger_key"}
HEX32 = re.compile(r"[0-9a-f]{32}\Z")
HEX64 = re.compile(r"[0-9a-f]{64}\Z")
INTEGER = re.compile(r"(0|-?[1-9][0-9]*)\Z")


class Refused(Exception):
    """The answer is an error with this code; `closes` ends the connection after it."""

    def __init__(self, code, reason, closes=False, **members):
        super().__init__(reason)
        self.closes = closes
        self.answer = {"status": "error", "reason": reason, "code": code, **members}


class NotInteger:
    """A number token that is fine as JSON but not inside `msg`."""


def canonical(msg):
    return json.dumps(msg, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


# --- Framing: a request starts with { and ends where that object ends ---------------------------

def scan(data):
    """The number of bytes of the request at the start of `data`, or None when more are needed."""
    start = 0
    while start < len(data) and data[start] in WHITESPACE:
        start += 1
    if start == len(data):
        return None
    if data[start : start + 1] != b"{":
        raise Refused("bad_json", "a request starts with {", closes=True)
    depth, quoted, escaped = 0, False, False
    for position in range(start, len(data)):
        if position - start >= MAX_DELIVERY_BYTES:
            raise Refused("too_large", "a request has at most %d bytes" % MAX_DELIVERY_BYTES, closes=True)
        byte = data[position]
        if quoted:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                quoted = False
        elif byte == 0x22:
            quoted = True
        elif byte in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise Refused("bad_json", "deeper than %d" % MAX_DEPTH, closes=True)
        elif byte in b"}]":
            depth -= 1
            if depth == 0:
                return position + 1
    return None


# --- Parsing: I-JSON, strictly ------------------------------------------------------------------

def _pairs(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member twice")
    return members


def _integer(token):
    value = int(token) if INTEGER.match(token) and len(token) <= 17 else None
    return value if value is not None and abs(value) <= MAX_SAFE_INTEGER else NotInteger()


def _reject(token):
    raise ValueError("not a JSON number: " + token)


def parse(frame):
    try:
        value = json.loads(
            frame.decode("utf-8"),  # strict: no lone surrogate, no overlong form, and a BOM is a character
            object_pairs_hook=_pairs,
            parse_int=_integer,
            parse_float=lambda token: NotInteger(),
            parse_constant=_reject,
        )
        _check_strings(value)
        return value
    except (ValueError, RecursionError) as fault:
        raise Refused("bad_json", "not I-JSON: %s" % type(fault).__name__, closes=True) from fault


def _check_strings(value):
    if isinstance(value, str):
        value.encode("utf-8")  # an escaped lone surrogate fails here
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_strings(name)
            _check_strings(member)
    elif isinstance(value, list):
        for item in value:
            _check_strings(item)


# --- Forms: what a well-formed envelope is -------------------------------------------------------

def _require(condition, reason):
    if not condition:
        raise Refused("bad_request", reason)


def _is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _check_msg_domain(value):
    if isinstance(value, dict):
        for name, member in value.items():
            _require(all("\x21" <= c <= "\x7e" for c in name), "a member name outside U+0021-U+007E")
            _check_msg_domain(member)
    elif isinstance(value, list):
        for item in value:
            _check_msg_domain(item)
    else:
        _require(not isinstance(value, NotInteger), "a number that is not a plain integer")


def _decode(text, size):
    """Canonical base64 of exactly `size` bytes, or None."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        return None
    return raw if len(raw) == size and base64.b64encode(raw).decode() == text else None


def check_forms(envelope):
    """Everything of `bad_request`; gives the signatures as (key id or None, 64 bytes)."""
    _require(isinstance(envelope.get("msg"), dict), "msg is missing")
    _require(set(envelope) <= {"msg", "signature", "signatures"}, "an unknown member beside msg")
    msg = envelope["msg"]
    _require(set(msg) <= MSG_MEMBERS, "an unknown member in msg")
    _check_msg_domain(msg)
    _require(isinstance(msg.get("command"), str), "command is missing")
    unsigned = "signature" not in envelope and "signatures" not in envelope
    status = msg["command"] == "get_status"
    _require(not unsigned or status or msg["command"] in UNSIGNED, "a signature is missing")
    _require(not ("signature" in envelope and "signatures" in envelope), "signature and signatures")
    args = msg.get("args")
    _require(args is None or isinstance(args, dict), "args is not an object")
    if msg["command"] == "set_policy":
        _require(args is not None and 1 <= len(args) <= MAX_ARGS, "args has 1 to %d keys" % MAX_ARGS)
    if status and args:
        _require(set(args) == {"reveal"} and isinstance(args["reveal"], bool), "get_status takes reveal only")
    for name in ("nonce", "timestamp"):
        _require(unsigned or name in msg, name + " is missing")
    _require("nonce" not in msg or _decode(msg["nonce"], 16) is not None, "nonce is not base64 of 16 bytes")
    for name in ("timestamp", "expires"):
        _require(name not in msg or _is_integer(msg[name]), name + " is not unix seconds")
    _check_optional(msg)
    return _signatures(envelope)


def _check_optional(msg):
    if "audience" in msg:
        audience = msg["audience"]
        _require(isinstance(audience, list) and audience and all(isinstance(n, str) for n in audience), "audience")
        _require(len(set(audience)) == len(audience), "a domain twice in audience")
    if "system" in msg:
        _require(isinstance(msg["system"], str) and HEX32.match(msg["system"]), "system is not 32 hex digits")
    if "base" in msg:
        base = msg["base"]
        _require(isinstance(base, dict), "base is not an object")
        _require(all(isinstance(h, str) and HEX64.match(h) for h in base.values()), "base is not class to hash")
    if "reason" in msg:
        reason = msg["reason"]
        _require(isinstance(reason, str) and len(reason) <= MAX_REASON, "reason is too long")
        _require(all(c >= " " and not "\x7f" <= c <= "\x9f" for c in reason), "a control character in reason")
    if "mode" in msg:
        _require(isinstance(msg["mode"], str), "mode is not a string")


def _signatures(envelope):
    if "signature" in envelope:
        raw = _decode(envelope["signature"], 64)
        _require(raw is not None, "signature is not base64 of 64 bytes")
        return [(None, raw)]
    found = []
    items = envelope.get("signatures", [])
    _require("signatures" not in envelope or isinstance(items, list) and 1 <= len(items) <= MAX_SIGNATURES,
             "signatures holds 1 to %d" % MAX_SIGNATURES)
    for item in items:
        _require(isinstance(item, dict) and set(item) == {"key_id", "signature"}, "a signature's members")
        _require(isinstance(item["key_id"], str) and HEX64.match(item["key_id"]), "key_id is not 64 hex digits")
        raw = _decode(item["signature"], 64)
        _require(raw is not None, "signature is not base64 of 64 bytes")
        found.append((item["key_id"], raw))
    _require(len({key for key, _ in found}) == len(found), "a key twice in signatures")
    return found


# --- The gateway ---------------------------------------------------------------------------------

class Gateway:
    """One domain's receiver: its anchor, its schema, what it took and the nonces it knows."""

    def __init__(self, name, domain_class, anchor, schema, record_path, system=None):
        self.name, self.domain_class, self.system = name, domain_class, system
        self._key = nacl.signing.VerifyKey(anchor)
        self._key_id = hashlib.sha256(b"qwamos-key\n\x01" + anchor).hexdigest()
        self._keys = schema["properties"]
        self._record_path = record_path
        self._lock = threading.Lock()
        self._nonces, self.policy, self._last, self.floor, self.size = {}, {}, {}, 0, 0
        self._cursor, self._tree, self._ledger = (0, -1), (0, hashlib.sha256(b"").digest()), None
        if os.path.exists(record_path):
            with open(record_path, encoding="utf-8") as file:
                for line in file:
                    self._fold(json.loads(line))

    def handle(self, frame):
        """The answer to one request, as the specification orders the checks."""
        envelope = parse(frame)
        signatures = check_forms(envelope)
        msg = envelope["msg"]
        if msg.get("mode", "auto") not in ("auto", "staged") or len(signatures) > 1:
            raise Refused("not_supported", "this gateway knows the modes auto and staged and one signature")
        if len(frame) > MAX_REQUEST_BYTES and msg["command"] != "deliver":
            raise Refused("too_large", "a request has at most %d bytes" % MAX_REQUEST_BYTES, closes=True)
        if msg["command"] in UNSIGNED:
            with self._lock:
                return getattr(self, "_" + msg["command"])(msg.get("args", {}))
        if msg["command"] not in ("set_policy", "get_status"):
            raise Refused("unknown_command", "no such command")
        if not signatures:
            if msg.get("args", {}).get("reveal"):
                raise Refused("bad_signature", "reveal wants a signature")
            return self._status()
        with self._lock:
            self._check_fresh(msg)
            self._check_addressed(msg)
            self._check_signature(msg, signatures[0])
            if msg["command"] == "set_policy" and self._cursor[0] and msg.get("audience") != [self.name]:
                raise Refused("direct_disabled", "changes come by delivery")
            return self._status() if msg["command"] == "get_status" else self._take(frame, msg)

    def _get_cursor(self, args):
        return {"status": "ok", "name": self.name, "class": self.domain_class, "seq": self._cursor[0], "index": self._cursor[1],
                "size": self._tree[0], "trust_version": 0}

    def _ledger_key(self, args):
        raise Refused("unknown_command", "this gateway keeps to the key that it saw first")

    def _checkpoint(self, args):
        size, root = self._tree
        if self._ledger not in (None, args["key"]):
            raise Refused("unknown_key", "the ledger's key is another one")
        opened = delivery.open_checkpoint(args["checkpoint"], args["key"], self._verifies)
        if opened is None:
            raise Refused("bad_signature", "the checkpoint is not signed by its key")
        if args["old"] != size:
            raise Refused("base_mismatch", "another tree was seen last", size=size)
        if not delivery.consistency(size, root, opened[0], opened[1], [base64.b64decode(h) for h in args["proof"]]):
            raise Refused("unproven", "it does not extend the tree seen last")
        self._tree, self._ledger = opened, args["key"]
        return {"status": "ok", "size": opened[0], "cosignature": None, "witness": "", "trust": "pinned, not signed"}

    def _deliver(self, args):
        size, root = self._tree
        if args["size"] != size:
            raise Refused("base_mismatch", "another tree was seen last", size=size)
        leaf = base64.b64decode(args["leaf"])
        if not delivery.inclusion(leaf, args["index"], size, [base64.b64decode(h) for h in args["path"]], root):
            raise Refused("unproven", "it is no entry of the tree seen last")
        if (args["seq"], args["index"]) == self._cursor:
            return {"status": "ok", "outcome": "duplicate"}
        if args["seq"] != self._cursor[0] + 1 or args["index"] <= self._cursor[1]:
            raise Refused("base_mismatch", "not the next one", seq=self._cursor[0], index=self._cursor[1])
        found = delivery.envelope_of(leaf)
        outcome, reason = "not_supported", "this gateway knows changes only"
        if found:
            outcome, reason = self._take_delivered(*found)
        self._cursor = (args["seq"], args["index"])
        return {"status": "ok", "outcome": outcome, "reason": reason}

    def _take_delivered(self, frame, recorded):
        try:
            envelope = parse(frame)
            signatures = check_forms(envelope)
            msg = envelope["msg"]
            # Nobody vouched for the ledger: its word for a time is not enough, and this clock's is asked, too.
            self._check_fresh(msg, recorded)
            self._check_fresh(msg)
            self._check_addressed(msg)
            self._check_signature(msg, signatures[0])
            self._take(frame, msg)
            return "accepted", ""
        except Refused as refusal:
            code = refusal.answer["code"]
            return ("duplicate" if code == "replayed" else code), str(refusal)

    @staticmethod
    def _verifies(key, message, signature):
        try:
            nacl.signing.VerifyKey(key).verify(message, signature)
            return True
        except (nacl.exceptions.BadSignatureError, ValueError):
            return False

    def _check_fresh(self, msg, now=None):
        now = max(int(time.time()), self.floor - WINDOW_SECONDS) if now is None else now
        age = now - msg["timestamp"]
        if age > WINDOW_SECONDS:
            raise Refused("stale", "signed %d s ago" % age)
        if age < -WINDOW_SECONDS:
            raise Refused("from_future", "signed %d s in the future" % -age)
        if now > msg.get("expires", now):
            raise Refused("expired", "expired %d s ago" % (now - msg["expires"]))

    def _check_addressed(self, msg):
        if self.system is not None and msg.get("system", self.system) != self.system:
            raise Refused("wrong_system", "signed for another system")
        if msg["command"] != "set_policy":
            return
        if self.name not in msg.get("audience", [self.name]) or not self._own(msg):
            # A key nobody knows is the validator's to name, if the message is meant for this class at all.
            raise Refused("wrong_audience", "not for the domain " + self.name)

    def _own(self, msg):
        classes = (self.domain_class, "all")
        return {key: value for key, value in msg["args"].items()
                if self._keys.get(key, {}).get("x-qwamos", {}).get("class") in classes}

    def _check_signature(self, msg, signature):
        key, raw = signature
        if key not in (None, self._key_id):
            raise Refused("unknown_key", "no active key has this key_id")
        try:
            self._key.verify(canonical(msg), raw)
        except (nacl.exceptions.BadSignatureError, ValueError) as fault:
            raise Refused("bad_signature", "the signature does not verify") from fault

    def _take(self, frame, msg):
        if msg["nonce"] in self._nonces:
            index, outcome = self._nonces[msg["nonce"]]
            raise Refused("replayed", "taken already", index=index, outcome=outcome)
        refusal = self._decide(msg)
        entry = {"time": int(time.time()), "code": refusal.answer["code"] if refusal else None,
                 "envelope": frame.decode().strip()}
        with open(self._record_path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())
        index = self._fold(entry)
        if refusal:
            raise Refused(**{"code": refusal.answer["code"], "reason": str(refusal), "index": index})
        return {"status": "ok", "message": "taken: %s" % ", ".join(sorted(self._own(msg))), "index": index}

    def _decide(self, msg):
        for domain_class, wanted in msg.get("base", {}).items():
            if domain_class == self.domain_class:
                values = {key: value for key, value in self.policy.items()
                          if self._keys[key]["x-qwamos"]["class"] == domain_class}
                if hashlib.sha256(canonical(values)).hexdigest() != wanted:
                    return Refused("base_mismatch", "the policy is not the one this change was made for")
        for key in self._own(msg):
            if msg["timestamp"] < self._last.get(key, 0):
                return Refused("superseded", "%s has a newer change" % key)
        faults = [key for key, value in msg["args"].items() if not self._valid(key, value)]
        if faults:
            return Refused("invalid_policy", "not allowed: " + ", ".join(sorted(faults)))
        return None

    def _valid(self, key, value):
        rule = self._keys.get(key)
        kinds = {"string": str, "integer": int, "boolean": bool}
        return (rule is not None
                and type(value) is kinds[rule["type"]]
                and ("enum" not in rule or value in rule["enum"])
                and ("minimum" not in rule or value >= rule["minimum"])
                and ("maximum" not in rule or value <= rule["maximum"]))

    def _fold(self, entry):
        msg = json.loads(entry["envelope"])["msg"]
        index, self.size = self.size, self.size + 1
        self._nonces[msg["nonce"]] = (index, entry["code"] or "accepted")
        if entry["code"] is None:
            self.floor = max(self.floor, msg["timestamp"])
            for key, value in self._own(msg).items():
                self._last[key] = msg["timestamp"]
                if self._keys[key]["x-qwamos"]["apply"] == "runtime" and msg.get("mode") != "staged":
                    self.policy[key] = value
        return index

    def _status(self):
        return {"status": "ok", "policy": dict(self.policy), "pending": {}, "size": self.size}


def serve_connection(gateway, connection):
    """Requests of one connection, one after another, until it ends or breaks the framing."""
    buffer = b""
    connection.settimeout(REQUEST_TIMEOUT_SECONDS)
    with connection:
        try:
            while True:
                end = scan(buffer)
                if end is None:
                    part = connection.recv(65_536)
                    if not part:
                        return
                    buffer += part
                    continue
                frame, buffer = buffer[:end].lstrip(WHITESPACE), buffer[end:]
                answer = _answer(gateway, frame)
                connection.sendall(json.dumps(answer[0]).encode() + b"\n")
                if answer[1]:
                    return
        except Refused as refusal:
            connection.sendall(json.dumps(refusal.answer).encode() + b"\n")
        except OSError:
            return


def _answer(gateway, frame):
    try:
        return gateway.handle(frame), False
    except Refused as refusal:
        return refusal.answer, refusal.closes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--socket", required=True)
    parser.add_argument("--anchor", required=True, help="the raw public key, 32 bytes")
    parser.add_argument("--schema", required=True, help="policy.schema.json")
    parser.add_argument("--record", required=True, help="JSON lines of what was taken")
    parser.add_argument("--name", default="gateway")
    parser.add_argument("--class", dest="domain_class", default="gateway")
    options = parser.parse_args()
    with open(options.anchor, "rb") as file:
        anchor = file.read()
    with open(options.schema, encoding="utf-8") as file:
        schema = json.load(file)
    gateway = Gateway(options.name, options.domain_class, anchor, schema, options.record)
    if os.path.exists(options.socket):
        os.unlink(options.socket)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(options.socket)
    os.chmod(options.socket, 0o660)
    listener.listen(64)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve_connection, args=(gateway, connection), daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
