using System.Text.RegularExpressions;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>
/// ATTACK 29 on <c>qwamosd apply-pending</c>: killed, and failed by the disk, at each step that changes a file; run again it ends in the
/// same state as a boot that nothing disturbed.
/// </summary>
public sealed partial class BootKillTests : IDisposable
{
    private const int MaxSteps = 200;
    private const UnixFileMode Readable = (UnixFileMode)0x1A4; // 0644

    private readonly string _folder = Directory.CreateTempSubdirectory("qw-bootkill-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("write")]
    [InlineData("fsync")]
    [InlineData("/^(rename|link|unlink)")]
    [InlineData("fchmod")]
    [InlineData("/^mkdir")]
    public void Attack29_KilledAtAnyStep_AndRunAgain_TheBootEndsInTheSameState(string call)
    {
        Assert.SkipUnless(Command.Exists("strace"), "strace is not installed: apt-get install strace");
        string template = MakeStaged();
        SortedDictionary<string, string> undisturbed = Boot(Copy(template, "undisturbed"));
        int step = 1;
        for (; step <= MaxSteps; step++)
        {
            string root = Copy(template, $"killed-{step}");
            CommandResult killed = Command.Run(
                ["strace", "-f", "-qq", "-o", "/dev/null", "-e", $"trace={call}", "-e", $"inject={call}:signal=KILL:when={step}", .. ApplyPending(root)]);
            bool ended = killed.ExitCode == 0;
            Assert.Equal(undisturbed, Boot(root));
            Directory.Delete(root, recursive: true);
            if (ended)
                break;
        }

        TestContext.Current.SendDiagnosticMessage($"{call}: {step - 1} steps");
        Assert.InRange(step, 2, MaxSteps);
    }

    [Theory]
    [InlineData("fsync", "EIO")]
    [InlineData("/^rename", "EIO")]
    [InlineData("fchmod", "EROFS")]
    public void Attack29_FailedByTheDiskAtAnyStep_ItIsSaid_AndTheNextBootMendsIt(string call, string error)
    {
        Assert.SkipUnless(Command.Exists("strace"), "strace is not installed: apt-get install strace");
        string template = MakeStaged();
        string[] wanted = Settings(Boot(Copy(template, "undisturbed")));
        int step = 1;
        for (; step <= MaxSteps; step++)
        {
            string root = Copy(template, $"failed-{step}");
            CommandResult failed = Command.Run(
                ["strace", "-f", "-qq", "-o", "/dev/null", "-e", $"trace={call}", "-e", $"inject={call}:error={error}:when={step}", .. ApplyPending(root)]);
            Assert.InRange(failed.ExitCode, 0, 1);
            Assert.True(failed.ExitCode == 0 || failed.Error.Contains("failed", StringComparison.Ordinal) || failed.Error.Contains("cannot be written", StringComparison.Ordinal),
                $"{call} {step}: exit code {failed.ExitCode}, and only this was said: {failed.Error}");
            Assert.Equal(wanted, Settings(Boot(root)));
            Directory.Delete(root, recursive: true);
            if (failed.ExitCode == 0)
                break;
        }

        TestContext.Current.SendDiagnosticMessage($"{call}: {step - 1} steps");
        Assert.InRange(step, 2, MaxSteps);
    }

    private static string[] ApplyPending(string root) => [Binaries.Daemon, "apply-pending", "--root", root];

    /// <summary>Boots undisturbed; gives every file but the ledger's and the lock, without the times in names and notes.</summary>
    private static SortedDictionary<string, string> Boot(string root)
    {
        CommandResult result = Command.Run(ApplyPending(root));
        Assert.True(result.ExitCode == 0, result.Error);
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string path in Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories))
        {
            string name = BackupTime().Replace(path[root.Length..], "status.json.TIME");
            if (!name.Contains("ledger.db", StringComparison.Ordinal) && new FileInfo(path).LinkTarget is null)
                files[name] = NoteTime().Replace(File.ReadAllText(path), "\"time\":T");
        }

        return files;
    }

    private static string[] Settings(SortedDictionary<string, string> files) =>
        [.. files.Where(file => file.Key.StartsWith("/etc/", StringComparison.Ordinal)).Select(file => $"{file.Key}\n{file.Value}")];

    private string Copy(string template, string name)
    {
        string copy = Path.Combine(_folder, name);
        Assert.Equal(0, Command.Run(["cp", "-a", template, copy]).ExitCode);
        return copy;
    }

    /// <summary>A root with three keys staged by a signed change, made by the library as the daemon makes it.</summary>
    private string MakeStaged()
    {
        string root = Path.Combine(_folder, "template");
        Assert.True(SystemPaths.TryCreate(root, out SystemPaths? paths, out _));
        TrialTree.MakeMissing(paths);
        using SigningKey key = SigningKey.Generate();
        DurableFile.Replace(paths.AnchorFile, key.Public.Raw, Readable);
        long now = TestSigner.Now;
        Envelope envelope = EnvelopeWriter.Sign(
            new MessageDraft
            {
                Command = Commands.SetPolicy,
                Args = JsonValue.Object([("KERNEL_HARDENING", JsonValue.Of("strict")), ("BOOT_VERIFICATION", JsonValue.Of("off")), ("CRYPTO_BACKEND", JsonValue.Of("hybrid"))]),
                Nonce = Nonce.Random(),
                Timestamp = now,
            },
            key);
        Verdict verdict = new Verifier(new VerifierOptions { Keys = [key.Public] }).Check(envelope, new EffectiveTime(now, 0));
        Assert.True(verdict.TryGet(out VerifiedMessage? message, out _));
        PolicyDecision decision = PolicyRules.Decide(PolicySchema.BuiltIn, PolicyState.Empty, message.Message, DomainScope.Authority, 0);
        Assert.True(decision.TryGet(out ChangeOutcome? outcome, out PolicyState? state, out _));
        using LedgerStore store = LedgerStore.Open(paths.LedgerFile, LedgerOpenMode.ReadWrite);
        store.AppendBatch([EntryWriter.Accept(now, new EntryPeer(0, 0, 1), message, PolicySchema.BuiltIn, outcome)]);
        Assert.True(store.FoldWal());
        DurableFile.Replace(paths.PendingFile, System.Text.Encoding.UTF8.GetBytes(Projections.Pending(state, PolicySchema.BuiltIn)), Readable);
        return root;
    }

    [GeneratedRegex(@"status\.json\.[0-9]+$")]
    private static partial Regex BackupTime();

    [GeneratedRegex("\"time\":[0-9]+")]
    private static partial Regex NoteTime();
}
