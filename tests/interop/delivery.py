"""Deliveries from Dom0's ledger, as docs/formats/delivery.md has them: RFC 6962's proofs and C2SP's checkpoints, from the specifications alone."""

import base64
import hashlib
import json

LEDGER_KEY_TYPE = 0x01


def leaf_hash(leaf):
    return hashlib.sha256(b"\x00" + leaf).digest()


def _node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def inclusion(leaf, index, size, path, root):
    """RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    node, last, digest = index, size - 1, leaf_hash(leaf)
    for sibling in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            digest = _node(sibling, digest)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            digest = _node(digest, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and digest == root


def consistency(old, old_root, size, root, path):
    """RFC 9162, section 2.1.4.2."""
    if old == size:
        return not path and old_root == root
    if old == 0:
        return not path
    if not 0 < old < size or not path:
        return False
    path = list(path)
    start = old_root if old & (old - 1) == 0 else path.pop(0)
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    before, after = start, start
    for sibling in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            before, after = _node(sibling, before), _node(sibling, after)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            after = _node(after, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and before == old_root and after == root


def open_checkpoint(note, key, verify):
    """The size and the root of a checkpoint that the verifier key `key` signed, or None. `verify(public_key, message, signature)` is Ed25519's."""
    name, _, rest = key.partition("+")
    hash_text, _, encoded = rest.partition("+")
    raw = base64.b64decode(encoded)
    if not raw or raw[0] != LEDGER_KEY_TYPE or hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4].hex() != hash_text:
        return None
    text, _, lines = note.rpartition("\n\n")
    text += "\n"
    for line in lines.splitlines():
        _, signer, signature = line.split(" ")
        blob = base64.b64decode(signature)
        if signer == name and blob[:4].hex() == hash_text and verify(raw[1:], text.encode(), blob[4:]):
            origin, size, root = text.splitlines()
            return (int(size), base64.b64decode(root)) if origin == name else None
    return None


def envelope_of(leaf):
    """The exact bytes of the envelope in the leaf of an accepted change, and when it was recorded; None for another entry."""
    entry = json.loads(leaf)
    if entry["kind"] != "change" or "envelope" not in entry:
        return None
    # It is the leaf's last member, and the leaf ends with the brace that closes it.
    start = leaf.index(b',"envelope":') + len(b',"envelope":')
    return leaf[start:-1], entry["time"]
