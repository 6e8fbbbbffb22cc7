"""The Python client talks to qwamosd: every answer as the wire's specification has it."""

import base64
import json
import time
import unittest

import bus_client
import rig
from bus_client import ask, encode, message, sign

GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493


@unittest.skipIf(rig.missing("qwamosd"), rig.missing("qwamosd"))
class PythonClientAtTheBus(unittest.TestCase):
    def setUp(self):
        self.rig = rig.Rig()
        self.addCleanup(self.rig.close)
        self.rig.write_json("etc/qwamos/qwamosd.json", {"gateways": []})
        self.rig.start_daemon()

    def send(self, msg, **envelope):
        """The answer to `msg`, signed by the operator."""
        return ask(self.rig.bus, encode({**sign(msg, self.rig.key), **envelope}))

    def refused(self, code, answer):
        self.assertEqual("error", answer["status"], answer)
        self.assertEqual(code, answer["code"], answer)
        self.assertIsInstance(answer["reason"], str)
        return answer

    def taken(self, answer):
        self.assertEqual("ok", answer["status"], answer)
        return answer

    def status(self):
        return self.taken(ask(self.rig.bus, encode({"msg": {"command": "get_status"}})))

    # --- what is taken ---

    def test_a_runtime_key_is_applied_at_once(self):
        answer = self.taken(self.send(message({"RADIO_ISOLATION": "off"})))
        self.assertEqual(["RADIO_ISOLATION"], answer["result"]["runtime_applied"])
        self.assertEqual([], answer["result"]["reboot_staged"])
        self.assertEqual({"RADIO_ISOLATION": "off"}, self.status()["policy"])

    def test_a_reboot_key_is_staged(self):
        answer = self.taken(self.send(message({"KERNEL_HARDENING": "strict"})))
        self.assertEqual(["KERNEL_HARDENING"], answer["result"]["reboot_staged"])
        self.assertEqual({"KERNEL_HARDENING": "strict"}, self.status()["pending"])
        self.assertEqual({}, self.status()["policy"])

    def test_mode_staged_stages_a_runtime_key(self):
        answer = self.taken(self.send(message({"RADIO_ISOLATION": "off"}, mode="staged")))
        self.assertEqual([], answer["result"]["runtime_applied"])
        self.assertEqual(["RADIO_ISOLATION"], answer["result"]["reboot_staged"])

    def test_one_signature_with_its_key_id_is_taken(self):
        msg = message({"VPN_KILL_SWITCH": "on"})
        item = {"key_id": bus_client.key_id(self.rig.key.verify_key), "signature": sign(msg, self.rig.key)["signature"]}
        self.taken(ask(self.rig.bus, encode({"msg": msg, "signatures": [item]})))

    def test_other_spacing_order_and_escapes_of_the_same_message_verify(self):
        envelope = sign(message({"RADIO_IDLE_TIMEOUT_MIN": 7}, reason="Grüße, 漢字 \U0001f512 é"), self.rig.key)
        shuffled = {"signature": envelope["signature"], "msg": dict(reversed(list(envelope["msg"].items())))}
        self.taken(ask(self.rig.bus, b" \r\n\t" + json.dumps(shuffled, indent=3, ensure_ascii=True).encode()))

    def test_expires_audience_system_reason_and_base_are_understood(self):
        status = self.status()
        answer = self.send(message(
            {"DURESS.enabled": True}, expires=int(time.time()) + 60, audience=["dom0"], system=status["system"],
            reason="night", base={"dom0": status["base"].get("dom0", bus_client.base_hash({}))}))
        self.taken(answer)

    def test_base_is_the_hash_that_python_computes(self):
        self.taken(self.send(message({"RADIO_ISOLATION": "off", "RADIO_IDLE_TIMEOUT_MIN": 5})))
        expected = bus_client.base_hash({"RADIO_IDLE_TIMEOUT_MIN": 5, "RADIO_ISOLATION": "off"})
        self.assertEqual(expected, self.status()["base"]["gateway"])
        self.taken(self.send(message({"RADIO_ISOLATION": "on"}, base={"gateway": expected})))
        self.refused("base_mismatch", self.send(message({"RADIO_ISOLATION": "off"}, base={"gateway": expected})))

    def test_a_confidential_value_is_hidden_unless_a_signed_request_asks(self):
        self.taken(self.send(message({"DURESS.enabled": True})))
        self.assertEqual("(hidden)", self.status()["policy"]["DURESS.enabled"])
        shown = self.taken(self.send(message({"reveal": True}, command="get_status")))
        self.assertIs(True, shown["policy"]["DURESS.enabled"])
        self.refused("bad_signature", ask(self.rig.bus, encode({"msg": {"command": "get_status", "args": {"reveal": True}}})))

    # --- connections ---

    def test_fifty_pipelined_requests_are_answered_in_order(self):
        with bus_client.Connection(self.rig.bus) as connection:
            requests = [encode(sign(message({"RADIO_IDLE_TIMEOUT_MIN": n}), self.rig.key)) for n in range(50)]
            connection.send(b"".join(requests))
            connection.finish()
            indexes = [self.taken(connection.receive())["index"] for _ in range(50)]
            self.assertIsNone(connection.receive())
        self.assertEqual(sorted(indexes), indexes)
        self.assertEqual(49, self.status()["policy"]["RADIO_IDLE_TIMEOUT_MIN"])

    def test_a_status_pipelined_after_a_change_shows_it(self):
        with bus_client.Connection(self.rig.bus) as connection:
            connection.send(encode(sign(message({"TOR_ISOLATION": "mandatory"}), self.rig.key))
                            + encode({"msg": {"command": "get_status"}}))
            self.taken(connection.receive())
            self.assertEqual("mandatory", connection.receive()["policy"]["TOR_ISOLATION"])

    def test_requests_need_nothing_between_them(self):
        with bus_client.Connection(self.rig.bus) as connection:
            connection.send(b'{"msg":{"command":"get_status"}}' * 3)
            for _ in range(3):
                self.taken(connection.receive())

    def test_a_request_a_byte_at_a_time_is_answered(self):
        with bus_client.Connection(self.rig.bus) as connection:
            for byte in encode(sign(message({"RADIO_ISOLATION": "off"}), self.rig.key)):
                connection.send(bytes([byte]))
            self.taken(connection.receive())

    def test_a_json_error_is_answered_once_and_what_came_before_stands(self):
        with bus_client.Connection(self.rig.bus) as connection:
            connection.send(encode(sign(message({"RADIO_ISOLATION": "off"}), self.rig.key)) + b'{"msg":}' + b'{"msg":{"command":"get_status"}}')
            self.taken(connection.receive())
            self.refused("bad_json", connection.receive())
            self.assertIsNone(connection.receive())
        self.assertEqual("off", self.status()["policy"]["RADIO_ISOLATION"])

    def test_a_bad_request_leaves_the_connection_open(self):
        with bus_client.Connection(self.rig.bus) as connection:
            connection.send(b'{"other":1}\n{"msg":{"command":"get_status"}}')
            self.refused("bad_request", connection.receive())
            self.taken(connection.receive())

    # --- replay ---

    def test_attack09_replay_at_once_and_after_kill_9(self):
        request = encode(sign(message({"RADIO_ISOLATION": "off"}), self.rig.key))
        index = self.taken(ask(self.rig.bus, request))["index"]
        for _ in range(2):
            answer = self.refused("replayed", ask(self.rig.bus, request))
            self.assertEqual((index, "accepted"), (answer["index"], answer["outcome"]))
            self.rig.kill("qwamosd")
            self.rig.start_daemon()
        self.assertEqual(index, self.refused("replayed", ask(self.rig.bus, request))["index"])

    def test_attack09_replay_of_a_recorded_refusal(self):
        request = encode(sign(message({"RADIO_ISOLATION": "sideways"}), self.rig.key))
        first = self.refused("invalid_policy", ask(self.rig.bus, request))
        again = self.refused("replayed", ask(self.rig.bus, request))
        self.assertEqual((first["index"], "invalid_policy"), (again["index"], again["outcome"]))

    # --- the codes, in the order of the checks ---

    def test_too_large(self):
        padding = "x" * 61_440
        self.refused("too_large", ask(self.rig.bus, encode({"msg": {"command": "get_status"}, "padding": padding})))

    def test_bad_json(self):
        good = encode(sign(message({"RADIO_ISOLATION": "off"}), self.rig.key))
        cases = {
            "byte order mark": b"\xef\xbb\xbf" + good,
            "not an object": b"[]",
            "duplicate member": good.replace(b'"command":"set_policy"', b'"command":"set_policy","command":"set_policy"'),
            "duplicate member, escaped": good.replace(b'"command":"set_policy"', b'"command":"set_policy","\\u0063ommand":"set_policy"'),
            "lone surrogate": good.replace(b'"off"', b'"\\ud800"'),
            "reversed surrogates": good.replace(b'"off"', b'"\\udc00\\ud800"'),
            "invalid UTF-8": good.replace(b'"off"', b'"\xc0\xaf"'),
            "comment": good.replace(b'"off"', b'"off"/* */'),
            "trailing comma": good.replace(b'"off"', b'"off",'),
            "depth": good.replace(b'"off"', b"[" * 14 + b"]" * 14),
            "NaN": good.replace(b'"off"', b"NaN"),
            "half a request": good[:40],
        }
        for name, data in cases.items():
            with self.subTest(name), bus_client.Connection(self.rig.bus) as connection:
                connection.send(data)
                connection.finish()
                self.refused("bad_json", connection.receive())
                self.assertIsNone(connection.receive())

    def test_bad_request(self):
        now = int(time.time())
        off = {"RADIO_ISOLATION": "off"}
        messages = {
            "unknown member in msg": message(off, colour="red"),
            "no args": message(None),
            "empty args": message({}),
            "65 args": message({"K%d" % n: 1 for n in range(65)}),
            "fraction": message({"RADIO_IDLE_TIMEOUT_MIN": 1.5}),
            "2^53": message({"RADIO_IDLE_TIMEOUT_MIN": 2**53}),
            "timestamp as text": message(off, timestamp=str(now)),
            "timestamp true": message(off, timestamp=True),
            "short nonce": message(off, nonce=base64.b64encode(b"15 bytes of it.").decode()),
            "nonce with stray bits": message(off, nonce="AAAAAAAAAAAAAAAAAAAAAB=="),
            "nonce in base64url": message(off, nonce="__________________8A__=="),
            "reason with a newline": message(off, reason="a\nb"),
            "reason of 1,025": message(off, reason="x" * 1025),
            "system in capitals": message(off, system="A" * 32),
            "base of a wrong size": message(off, base={"gateway": "00"}),
            "audience as text": message(off, audience="gateway"),
            "member name with a space": message({"RADIO ISOLATION": "off"}),
        }
        for name, msg in messages.items():
            with self.subTest(name):
                self.refused("bad_request", self.send(msg))
        raw = encode(sign(message({"RADIO_IDLE_TIMEOUT_MIN": 12345}), self.rig.key))
        for token in (b"-0", b"1e2", b"1.0", b"1E400"):
            with self.subTest(token):
                self.refused("bad_request", ask(self.rig.bus, raw.replace(b"12345", token)))
        good = sign(message(off), self.rig.key)
        envelopes = {
            "unknown member beside msg": {**good, "note": 1},
            "no signature": {"msg": good["msg"]},
            "both kinds of signature": {**good, "signatures": []},
            "empty list of signatures": {"msg": good["msg"], "signatures": []},
            "signature of 63 bytes": {**good, "signature": base64.b64encode(bytes(63)).decode()},
        }
        for name, envelope in envelopes.items():
            with self.subTest(name):
                self.refused("bad_request", ask(self.rig.bus, encode(envelope)))

    def test_mode_that_is_not_supported_and_signatures_of_unknown_keys(self):
        self.refused("not_supported", self.send(message({"RADIO_ISOLATION": "off"}, mode="try")))
        signature = base64.b64encode(bytes(64)).decode()
        two = [{"key_id": digit * 64, "signature": signature} for digit in "01"]
        self.refused("unknown_key", ask(self.rig.bus, encode({"msg": message({"RADIO_ISOLATION": "off"}), "signatures": two})))

    def test_answers_carry_the_newest_checkpoint(self):
        origin = "qwamos/" + self.status()["system"]
        for answer in (self.send(message({"RADIO_ISOLATION": "off"})), self.status()):
            lines = answer["checkpoint"].split("\n")
            self.assertEqual(origin, lines[0])
            self.assertLessEqual(int(lines[1]), 1)
            self.assertTrue(answer["key"].startswith(origin + "+"))
        self.assertNotIn("checkpoint", self.send(message({"RADIO_ISOLATION": "maybe"})))

    def test_unknown_command(self):
        self.refused("unknown_command", self.send(message({"RADIO_ISOLATION": "off"}, command="set_weather")))

    def test_freshness(self):
        now, off = int(time.time()), {"RADIO_ISOLATION": "off"}
        self.refused("stale", self.send(message(off, now=now - 400)))
        self.refused("stale", self.send(message(off, now=-1)))
        self.refused("from_future", self.send(message(off, now=now + 400)))
        self.refused("expired", self.send(message(off, now=now - 20, expires=now - 10)))

    def test_wrong_system_and_wrong_audience(self):
        off = {"RADIO_ISOLATION": "off"}
        self.refused("wrong_system", self.send(message(off, system="0" * 32)))
        self.refused("wrong_audience", self.send(message(off, audience=["nobody"])))
        self.refused("wrong_audience", self.send(message(off, audience=["dom0"])))

    def test_unknown_key_and_bad_signature(self):
        msg = message({"RADIO_ISOLATION": "off"})
        signature = sign(msg, self.rig.key)["signature"]
        self.refused("unknown_key", ask(self.rig.bus, encode({"msg": msg, "signatures": [{"key_id": "0" * 64, "signature": signature}]})))
        self.refused("bad_signature", ask(self.rig.bus, encode({"msg": {**msg, "args": {"RADIO_ISOLATION": "on"}}, "signature": signature})))
        self.taken(ask(self.rig.bus, encode({"msg": msg, "signature": signature})))

    def test_attack01_a_malleable_signature_is_refused(self):
        envelope = sign(message({"RADIO_ISOLATION": "off"}), self.rig.key)
        raw = base64.b64decode(envelope["signature"])
        malleable = raw[:32] + (int.from_bytes(raw[32:], "little") + GROUP_ORDER).to_bytes(32, "little")
        self.refused("bad_signature", ask(self.rig.bus, encode({**envelope, "signature": base64.b64encode(malleable).decode()})))

    def test_attack08_a_signature_for_another_purpose_is_refused(self):
        msg = message({"RADIO_ISOLATION": "off"})
        for purpose in ("policy", "checkpoint", "report", "trust-root"):
            with self.subTest(purpose):
                signed = b"qwamos-%s-v1\n" % purpose.encode() + bus_client.canonical(msg)
                signature = base64.b64encode(self.rig.key.sign(signed).signature).decode()
                self.refused("bad_signature", ask(self.rig.bus, encode({"msg": msg, "signature": signature})))

    def test_superseded(self):
        now = int(time.time())
        self.taken(self.send(message({"RADIO_ISOLATION": "off"}, now=now)))
        self.refused("superseded", self.send(message({"RADIO_ISOLATION": "on", "VPN_KILL_SWITCH": "on"}, now=now - 5)))
        self.assertEqual({"RADIO_ISOLATION": "off"}, self.status()["policy"])

    def test_invalid_policy_names_every_fault(self):
        answer = self.refused("invalid_policy", self.send(message(
            {"RADIO_ISOLATION": "sideways", "RADIO_IDLE_TIMEOUT_MIN": 1000, "NO_SUCH_KEY": "x", "VPN_KILL_SWITCH": "on"})))
        self.assertEqual({"RADIO_ISOLATION", "RADIO_IDLE_TIMEOUT_MIN", "NO_SUCH_KEY"}, {fault["key"] for fault in answer["faults"]})
        self.refused("invalid_policy", self.send(message({"RADIO_IDLE_TIMEOUT_MIN": "5"})))
        self.refused("invalid_policy", self.send(message({"GHOST.trigger": "fire"})))
        self.assertEqual({}, self.status()["policy"])

    def test_mixed_domains(self):
        self.refused("mixed_domains", self.send(message({"DURESS.enabled": True, "RADIO_ISOLATION": "off"})))

    def test_attack21_values_that_look_like_commands_are_data(self):
        for value in ("off; touch /tmp/x", "off\nADDED=1", "$(id)", "-x", "\x1b[2J", "a\u0000b"):
            with self.subTest(value):
                self.refused("invalid_policy", self.send(message({"RADIO_ISOLATION": value})))
        log = self.rig.log("qwamosd")
        self.assertNotIn("\x1b", log)
        self.assertNotIn("\nADDED", log)


if __name__ == "__main__":
    unittest.main()
