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
    [InlineData("write", 0)]
    [InlineData("fsync", 0)]
    [InlineData("/^(rename|link|unlink)", 0)]
    [InlineData("fchmod", 0)]
    [InlineData("/^mkdir", 0)]
    [InlineData("fsync", 1)]
    [InlineData("/^(rename|link|unlink)", 1)]
    [InlineData("fsync", 2)]
    [InlineData("/^(rename|link|unlink)", 2)]
    public void Attack29_KilledAtAnyStep_AndRunAgain_TheBootEndsInTheSameState(string call, int earlierBoots)
    {
        // 0: the values go on trial. 1: the boot is counted. 2: they are put back.
        Assert.SkipUnless(Command.Exists("strace"), "strace is not installed: apt-get install strace");
        string template = MakeStaged();
        for (int boot = 0; boot < earlierBoots; boot++)
        {
            Boot(template);
            File.Delete(Path.Combine(template, "run/qwamos-boot.id"));
        }
        SortedDictionary<string, string> undisturbed = Boot(Copy(template, "undisturbed"));
        Assert.Equal(earlierBoots == 2, undisturbed.Values.Any(content => content.Contains("\"kind\":\"put-back\"", StringComparison.Ordinal)));
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
    [InlineData("fsync")]
    [InlineData("/^(rename|link|unlink)")]
    public void Attack29_TheEndOfABoot_KilledAtAnyStep_AndRunAgain_IsTheSame(string call)
    {
        Assert.SkipUnless(Command.Exists("strace"), "strace is not installed: apt-get install strace");
        string template = MakeStaged();
        Boot(template);
        SortedDictionary<string, string> undisturbed = Run(BootComplete(Copy(template, "undisturbed")));
        Assert.Contains(undisturbed.Values, content => content.Contains("\"state\":\"good\"", StringComparison.Ordinal));
        int step = 1;
        for (; step <= MaxSteps; step++)
        {
            string root = Copy(template, $"ended-{step}");
            CommandResult killed = Command.Run(
                ["strace", "-f", "-qq", "-o", "/dev/null", "-e", $"trace={call}", "-e", $"inject={call}:signal=KILL:when={step}", .. BootComplete(root)]);
            Assert.Equal(undisturbed, Run(BootComplete(root)));
            Directory.Delete(root, recursive: true);
            if (killed.ExitCode == 0)
                break;
        }

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

    private static string[] BootComplete(string root) => [Binaries.Daemon, "boot-complete", "--root", root];

    /// <summary>Boots undisturbed, and gives what is there then.</summary>
    private static SortedDictionary<string, string> Boot(string root) => Run(ApplyPending(root));

    /// <summary>Runs undisturbed; gives every file but the ledger's, the lock and what the run said, without times and the IDs of boots.</summary>
    private static SortedDictionary<string, string> Run(string[] program)
    {
        string root = program[^1];
        CommandResult result = Command.Run(program);
        Assert.True(result.ExitCode == 0, result.Error);
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string path in Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories))
        {
            string name = BackupTime().Replace(path[root.Length..], "status.json.TIME");
            if (!name.Contains("ledger.db", StringComparison.Ordinal) && name is not ("/run/qwamos-boot.json" or "/run/qwamos-boot.id") && new FileInfo(path).LinkTarget is null)
                files[name] = BootIds().Replace(NoteTime().Replace(File.ReadAllText(path), "\"time\":T"), "\"$1\":\"ID\"");
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

    [GeneratedRegex("\"(boot|put_back_in)\":\"[0-9a-f]{32}\"")]
    private static partial Regex BootIds();

    [GeneratedRegex("\"time\":[0-9]+")]
    private static partial Regex NoteTime();
}
