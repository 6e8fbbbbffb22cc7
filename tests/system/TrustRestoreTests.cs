using System.Text.Json;
using System.Text.Json.Nodes;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>What <c>qwamosd restore</c> says and keeps of the trust root, by the published programs: ATTACKS 7 and 13.</summary>
public sealed class TrustRestoreTests : IDisposable
{
    private readonly Trial _trial = new();

    private string Backup => _trial.At("/b.db");

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void Attack07And13_OlderBackupThatUnrevokesAKey_SaysSoBeforeAnythingIsDone_AndKeepsTheVersionsToSendAgain()
    {
        TestSigner anna = TestSigner.Fresh(), ben = TestSigner.Fresh();
        RunningProgram daemon = _trial.StartDaemon();
        Roots roots = Roots.Of(_trial);
        Assert.Equal("ok", _trial.Ask(Roots.Request(roots.Draft(1, ("dom0", _trial.Signer), ("anna", anna), ("ben", ben)), _trial.Signer)).Code());
        CommandResult backup = _trial.Client("backup", Backup);
        Assert.True(backup.ExitCode == 0, backup.Error);
        Assert.Equal("ok", ChangeBy(anna, "off").Code());
        JsonElement seen = _trial.Status();
        JsonObject second = roots.Draft(2, ("dom0", _trial.Signer), ("ben", ben));
        second["revoked"] = new JsonArray(Roots.Revoked(anna, 1));
        // Of entries that the backup does not have: once they are given up, nobody can compare it any more.
        second["baseline"] = new JsonObject { ["size"] = seen.GetProperty("size").GetInt64(), ["root_hash"] = seen.GetProperty("root_hash").GetString(), ["policy"] = new JsonObject() };
        Assert.Equal("ok", _trial.Ask(Roots.Request(second, ben)).Code());
        Assert.Equal("unknown_key", ChangeBy(anna, "on").Code());
        Assert.Equal(0, daemon.Stop());
        Assert.Equal(0, _trial.ApplyPending().ExitCode);

        string[] said =
        [
            "the trust root          version 2 in the present ledger, version 2 at the last boot, version 1 in FILE",
            $"UN-REVOKED              {anna.KeyId}, revoked from entry 1 on: FILE does not revoke it, and lets it sign, as anna's",
            "the trust root          version 2 must be sent again, in order, before anything else is: the restore keeps the files and says the commands",
        ];
        CommandResult refused = Restore();
        Assert.Equal(1, refused.ExitCode);
        Assert.All(said, line => Assert.Contains(line, refused.Output));
        CommandResult restored = Restore("--accept-older");
        Assert.True(restored.ExitCode == 0, restored.Error);
        Assert.All(said, line => Assert.Contains(line, restored.Output));
        string file = Path.Combine(_trial.At("/var/lib/qwamos"), "backups/replaced-00000001/trust-root-2.json");
        Assert.Contains($"    qwamosctl --root {_trial.Root} send {file}\n", restored.Output);

        _trial.StartDaemon();
        Assert.Equal(1, _trial.Status().GetProperty("trust").GetProperty("version").GetInt64());
        // As root, whose client has seen no ledger's key: the operators' clients refuse the new one until it is signed.
        CommandResult sent = Command.Run([Binaries.Client, "--root", _trial.Root, "--home", _trial.At("/root"), "send", file]);
        Assert.True(sent.ExitCode == 0, sent.Error);
        Assert.Equal(2, _trial.Status().GetProperty("trust").GetProperty("version").GetInt64());
        Assert.Equal("unknown_key", ChangeBy(anna, "on").Code());
        // What is drawn up from now on is of the ledger as it is.
        JsonObject third = roots.Draft(3, ("dom0", _trial.Signer), ("ben", ben));
        third["revoked"] = second["revoked"]!.DeepClone();
        third["baseline"] = second["baseline"]!.DeepClone();
        third["created"] = TestSigner.Now + 1;
        Assert.Equal("unproven", _trial.Ask(Roots.Request(third, ben)).Code());

        JsonElement ChangeBy(TestSigner signer, string value)
        {
            JsonObject message = TestSigner.Draft($"{{\"RADIO_ISOLATION\":\"{value}\"}}");
            message["system"] = roots.System;
            return _trial.Ask(TestSigner.RequestBy(message, signer));
        }
    }

    private CommandResult Restore(params string[] options) => Command.Run([Binaries.Daemon, "--root", _trial.Root, "restore", Backup, .. options]);
}
