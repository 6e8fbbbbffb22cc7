"""Go's packages for transparency logs (golang.org/x/mod/sumdb/tlog and note) verify an export of our ledger."""

import os
import shutil
import subprocess
import unittest

import rig

GO_SOURCES = "/usr/share/gocode"
ENTRIES = 300


def missing_go():
    if shutil.which("go") is None or not os.path.isdir(os.path.join(GO_SOURCES, "src/golang.org/x/mod/sumdb/tlog")):
        return "Go's packages are not installed: apt-get install golang-go golang-golang-x-mod-dev"
    return None


@unittest.skipIf(missing_go(), missing_go())
@unittest.skipIf(rig.missing("qwamosd", "qwamosctl"), rig.missing("qwamosd", "qwamosctl"))
class GoVerifiesOurLedger(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = rig.Rig()
        cls.addClassCleanup(cls.rig.close)
        cls.checker = cls.rig.path("ledger_check")
        environment = {
            **os.environ, "GO111MODULE": "off", "GOPATH": GO_SOURCES, "GOPROXY": "off", "GOFLAGS": "", "CGO_ENABLED": "0",
            "GOCACHE": cls.rig.path("go-cache"), "HOME": cls.rig.root}
        subprocess.run(
            ["go", "build", "-o", cls.checker, os.path.join(rig.HERE, "ledger_check.go")],
            check=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        cls.rig.start_daemon()
        cls.change_often()
        _, answer = cls.rig.ctl("audit", "key")
        cls.key = answer["key"]
        cls.export = cls.rig.path("export")
        cls.code, cls.summary = cls.rig.ctl("audit", "export", cls.export)

    @classmethod
    def change_often(cls):
        from bus_client import ask, encode, message, sign
        for number in range(ENTRIES):
            args = {"DURESS.gesture": "none"} if number % 50 == 49 else {"RADIO_IDLE_TIMEOUT_MIN": number}
            answer = ask(cls.rig.bus, encode(sign(message(args), cls.rig.key)))
            assert answer["status"] == "ok", answer

    def check(self, directory, *proofs, key=None):
        return subprocess.run(
            [self.checker, directory, key or self.key, *proofs], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False, text=True)

    def copy(self, name):
        return shutil.copytree(self.export, self.rig.path(name))

    def test_signature_every_inclusion_and_ten_consistency_pairs_hold(self):
        self.assertEqual(0, self.code, self.summary)
        self.assertEqual((ENTRIES, ENTRIES // 50), (self.summary["size"], self.summary["left_out"]))
        checked = self.check(self.export)
        self.assertEqual(0, checked.returncode, checked.stdout)
        self.assertEqual("size=%d signature=1 included=%d consistent=10 proofs=0\n" % (ENTRIES, ENTRIES), checked.stdout)

    def test_proofs_of_single_entries_hold(self):
        files = []
        for index in (0, 49, 255, 256, ENTRIES - 1):
            code, answer = self.rig.ctl("audit", "prove", str(index))
            self.assertEqual(0, code, answer)
            files.append(self.rig.write("proof-%d" % index, answer["proof"].encode()))
            code, answer = self.rig.ctl("audit", "check-proof", files[-1], "--key", self.key)
            self.assertEqual((0, index), (code, answer.get("index")), answer)
        checked = self.check(self.export, *files)
        self.assertEqual(0, checked.returncode, checked.stdout)
        self.assertIn("proofs=5", checked.stdout)

    def test_our_own_verifier_agrees(self):
        code, answer = self.rig.ctl("audit", "verify", self.export, "--key", self.key)
        self.assertEqual(0, code, answer)
        self.assertEqual((ENTRIES, ENTRIES - ENTRIES // 50), (answer["entries"], answer["signatures"]))

    def test_both_refuse_a_changed_entry_and_another_key(self):
        changed = self.copy("changed")
        bundle = os.path.join(changed, "tile/entries/000")
        with open(bundle, "r+b") as file:
            file.seek(1000)
            byte = file.read(1)
            file.seek(1000)
            file.write(bytes([byte[0] ^ 1]))
        self.assertNotEqual(0, self.check(changed).returncode)
        code, answer = self.rig.ctl("audit", "verify", changed, "--key", self.key)
        self.assertEqual((1, "tile/entries/000"), (code, answer["place"]))
        other = rig.Rig()
        self.addCleanup(other.close)
        other.start_daemon()
        key = other.ctl("audit", "key")[1]["key"]
        self.assertIn("signature", self.check(self.export, key=key).stdout)
        code, answer = self.rig.ctl("audit", "verify", self.export, "--key", key)
        self.assertEqual((1, "checkpoint"), (code, answer["place"]))


if __name__ == "__main__":
    unittest.main()
