"""qwamosctl and qwamosd talk to the Python gateway, and to a daemon of the old design."""

import json
import os
import sys
import unittest

import rig
from bus_client import ask, encode, message, sign

OLD_DESIGN = os.path.join(rig.TOP, "bench", "old_design.py")


@unittest.skipIf(rig.missing("qwamosctl"), rig.missing("qwamosctl"))
class OurClientAtPythonDaemons(unittest.TestCase):
    def setUp(self):
        self.rig = rig.Rig()
        self.addCleanup(self.rig.close)

    def test_a_change_is_taken_by_the_python_gateway(self):
        self.rig.start_python_gateway()
        code, answer = self.rig.ctl("--socket", self.rig.gateway, "set", "RADIO_IDLE_TIMEOUT_MIN", "5")
        self.assertEqual(0, code, answer)
        status = ask(self.rig.gateway, encode({"msg": {"command": "get_status"}}))
        self.assertEqual({"RADIO_IDLE_TIMEOUT_MIN": 5}, status["policy"])

    def test_a_refusal_of_the_python_gateway_is_shown(self):
        self.rig.start_python_gateway()
        code, answer = self.rig.ctl("--socket", self.rig.gateway, "set", "KERNEL_HARDENING", "strict")
        self.assertEqual(1, code, answer)
        self.assertIn("wrong_audience", json.dumps(answer))

    def test_status_of_the_python_gateway_is_shown(self):
        self.rig.start_python_gateway()
        code, answer = self.rig.ctl("--socket", self.rig.gateway, "status")
        self.assertEqual(0, code, answer)

    def start_old_design(self):
        path = self.rig.path("run/qwamos/old.sock")
        if not rig.old_design_runs():
            self.skipTest("python3-jsonschema is not installed: apt-get install python3-jsonschema")
        self.rig.start("old-design", [
            sys.executable, "-B", OLD_DESIGN, "--socket", path, "--anchor", self.rig.anchor, "--schema", rig.SCHEMA,
            "--status", self.rig.path("old-status.json")], path)
        return path

    def test_a_daemon_of_the_old_design_takes_our_change(self):
        path = self.start_old_design()
        code, answer = self.rig.ctl("--socket", path, "set", "RADIO_ISOLATION", "off")
        self.assertEqual(0, code, answer)

    def test_a_daemon_of_the_old_design_shows_its_status_to_a_signed_request(self):
        path = self.start_old_design()
        code, answer = self.rig.ctl("--socket", path, "status")
        self.assertEqual(0, code, answer)


@unittest.skipIf(rig.missing("qwamosd"), rig.missing("qwamosd"))
class OurDaemonDeliversToPythonGateways(unittest.TestCase):
    def setUp(self):
        self.rig = rig.Rig()
        self.addCleanup(self.rig.close)

    def configure(self, *names):
        self.rig.write_json("etc/qwamos/qwamosd.json", {"gateways": [
            {"name": name, "class": "gateway", "socket": self.external(name)} for name in names]})
        self.rig.start_daemon()
        self.rig.start_courier()

    @staticmethod
    def external(name):
        return "/run/qwamos/%s-bus.sock" % name

    def internal(self, name):
        return self.rig.root + self.external(name)

    def start_gateway(self, name):
        self.rig.start_python_gateway(name, self.internal(name))

    def send(self, args, **members):
        request = encode(sign(message(args, **members), self.rig.key))
        answer = ask(self.rig.bus, request)
        self.assertEqual("ok", answer["status"], answer)
        return request, answer["index"]

    def gateways(self):
        return ask(self.rig.bus, encode({"msg": {"command": "get_status"}}))["gateways"]

    def wait_taken(self, name, index):
        rig.wait_until(lambda: self.gateways()[name].get("taken") == index, "%s took %d: %s" % (name, index, self.gateways()))

    def records(self, name):
        with open(self.rig.path(name + ".jsonl"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def test_the_operators_own_envelope_arrives(self):
        self.start_gateway("gateway")
        self.configure("gateway")
        request, index = self.send({"RADIO_ISOLATION": "off"}, reason="Straße")
        self.wait_taken("gateway", index)
        self.assertEqual(request.decode().strip(), self.records("gateway")[0]["envelope"])
        self.assertFalse(self.gateways()["gateway"]["behind"])

    def test_only_gateways_that_the_audience_names_get_it(self):
        self.start_gateway("one")
        self.start_gateway("two")
        self.configure("one", "two")
        self.send({"RADIO_ISOLATION": "off"}, audience=["two"])
        _, index = self.send({"VPN_KILL_SWITCH": "on"})
        self.wait_taken("one", index)
        self.wait_taken("two", index)
        self.assertEqual([1, 2], [len(self.records("one")), len(self.records("two"))])

    def test_confidential_and_foreign_keys_never_leave(self):
        self.start_gateway("gateway")
        self.configure("gateway")
        self.send({"DURESS.gesture": "triple-power"})
        self.send({"CLIPBOARD_ISOLATION": "strict"})
        _, index = self.send({"CRYPTO_BACKEND": "hybrid"})
        self.wait_taken("gateway", index)
        self.assertEqual(1, len(self.records("gateway")))

    def test_a_gateway_that_starts_later_catches_up_and_one_dead_delays_no_other(self):
        self.start_gateway("one")
        self.configure("one", "two")
        _, index = self.send({"RADIO_ISOLATION": "off"})
        self.wait_taken("one", index)
        self.assertNotEqual(index, self.gateways()["two"].get("taken"))
        self.start_gateway("two")
        self.wait_taken("two", index)

    def test_after_a_restart_of_qwamosd_replayed_counts_as_taken(self):
        self.start_gateway("gateway")
        self.configure("gateway")
        request, index = self.send({"RADIO_ISOLATION": "off"})
        self.wait_taken("gateway", index)
        self.rig.kill("python-gateway")
        request, index = self.send({"VPN_KILL_SWITCH": "on"})
        self.rig.kill("qwamosd")
        self.start_gateway("gateway")
        self.assertEqual("ok", ask(self.internal("gateway"), request)["status"])
        self.rig.start_daemon()
        self.wait_taken("gateway", index)
        self.assertEqual(2, len(self.records("gateway")))


if __name__ == "__main__":
    unittest.main()
