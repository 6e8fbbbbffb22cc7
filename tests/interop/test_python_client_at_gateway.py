"""The Python client talks to gateway-policyd, and to the Python gateway: both give the same codes."""

import base64
import os
import time
import unittest

import bus_client
import rig
from bus_client import ask, encode, message, sign


class AtAGateway:
    """What a receiver answers; run against both gateways."""

    def setUp(self):
        self.rig = rig.Rig()
        self.addCleanup(self.rig.close)
        self.start()

    def send(self, msg):
        return ask(self.rig.gateway, encode(sign(msg, self.rig.key)))

    def refused(self, code, answer):
        self.assertEqual(("error", code), (answer["status"], answer.get("code")), answer)
        return answer

    def taken(self, answer):
        self.assertEqual("ok", answer["status"], answer)
        return answer

    def status(self):
        return self.taken(ask(self.rig.gateway, encode({"msg": {"command": "get_status"}})))

    def test_a_change_of_its_class_is_taken(self):
        self.assertIsInstance(self.taken(self.send(message({"RADIO_ISOLATION": "off"})))["message"], str)
        self.assertEqual({"RADIO_ISOLATION": "off"}, self.status()["policy"])

    def test_a_change_for_several_classes_acts_on_its_own_only(self):
        self.taken(self.send(message({"RADIO_ISOLATION": "off", "CLIPBOARD_ISOLATION": "strict"})))
        self.assertEqual({"RADIO_ISOLATION": "off"}, self.status()["policy"])

    def test_attack11_an_envelope_for_another_domain_is_refused(self):
        self.refused("wrong_audience", self.send(message({"RADIO_ISOLATION": "off"}, audience=["gateway2"])))
        self.refused("wrong_audience", self.send(message({"KERNEL_HARDENING": "strict"})))
        self.assertEqual({}, self.status()["policy"])

    def test_all_of_args_are_judged_though_only_some_are_its_own(self):
        self.refused("invalid_policy", self.send(message({"RADIO_ISOLATION": "off", "CLIPBOARD_ISOLATION": "sideways"})))

    def test_attack09_replay_at_once_and_after_kill_9(self):
        request = encode(sign(message({"RADIO_ISOLATION": "off"}), self.rig.key))
        self.taken(ask(self.rig.gateway, request))
        self.refused("replayed", ask(self.rig.gateway, request))
        self.restart()
        self.refused("replayed", ask(self.rig.gateway, request))

    def test_attack05_without_a_good_signature_nothing_is_taken(self):
        msg = message({"RADIO_ISOLATION": "off"})
        self.refused("bad_request", ask(self.rig.gateway, encode({"msg": msg})))
        self.refused("bad_request", ask(self.rig.gateway, encode({"msg": msg, "signatures": []})))
        signature = base64.b64encode(bytes(64)).decode()
        self.refused("bad_signature", ask(self.rig.gateway, encode({"msg": msg, "signature": signature})))
        self.refused("unknown_key", ask(self.rig.gateway, encode(
            {"msg": msg, "signatures": [{"key_id": "0" * 64, "signature": signature}]})))

    def test_freshness_order_and_base(self):
        now, off = int(time.time()), {"RADIO_ISOLATION": "off"}
        self.refused("stale", self.send(message(off, now=now - 400)))
        self.refused("from_future", self.send(message(off, now=now + 400)))
        self.refused("expired", self.send(message(off, now=now - 20, expires=now - 10)))
        self.refused("base_mismatch", self.send(message(off, base={"gateway": "0" * 64})))
        self.taken(self.send(message(off, now=now, base={"gateway": bus_client.base_hash({})})))
        self.refused("superseded", self.send(message(off, now=now - 5)))

    def test_a_base_of_another_class_is_not_its_to_judge(self):
        self.taken(self.send(message({"RADIO_ISOLATION": "off"}, base={"gateway": bus_client.base_hash({}), "ui": "0" * 64})))


@unittest.skipIf(rig.missing("gateway-policyd"), rig.missing("gateway-policyd"))
class PythonClientAtGatewayPolicyd(AtAGateway, unittest.TestCase):
    def start(self):
        self.rig.start_gateway()

    def restart(self):
        self.rig.kill("gateway-policyd")
        self.rig.start_gateway()

    def test_a_reboot_key_waits_for_the_next_start(self):
        self.taken(self.send(message({"CRYPTO_BACKEND": "hybrid"})))
        self.assertEqual(({}, {"CRYPTO_BACKEND": "hybrid"}), (self.status()["policy"], self.status()["pending"]))
        self.restart()
        self.assertEqual(({"CRYPTO_BACKEND": "hybrid"}, {}), (self.status()["policy"], self.status()["pending"]))

    def test_without_an_anchor_it_does_not_start(self):
        self.rig.stop("gateway-policyd")
        os.unlink(self.rig.anchor)
        os.rename(self.rig.home, self.rig.home + ".away")
        with self.assertRaises(AssertionError) as failure:
            self.rig.start_gateway()
        self.assertIn("ended with 1", str(failure.exception))


class PythonClientAtPythonGateway(AtAGateway, unittest.TestCase):
    def start(self):
        self.rig.start_python_gateway()

    def restart(self):
        self.rig.kill("python-gateway")
        self.rig.start_python_gateway()


if __name__ == "__main__":
    unittest.main()
