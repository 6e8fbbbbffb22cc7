using System.Text;
using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>A private key under a passphrase: scripts, a person at a terminal, and what must not happen to the key.</summary>
public sealed class PrivateKeyTests : IDisposable
{
    private const string Passphrase = "Tr0ub4dor & three dragons";
    private readonly Trial _trial = new();

    private string KeyFile => Path.Combine(_trial.Home, "ed25519_sk");

    private string PassphraseFile => _trial.At("/passphrase");

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void AProtectedKey_SignsWithThePassphraseOfAFileOrDescriptor_AndAsARawSeedAgain()
    {
        using RunningProgram daemon = _trial.StartDaemon();
        byte[] seed = Protect();
        Assert.StartsWith("qwamos-private-key v1\n", File.ReadAllText(KeyFile), StringComparison.Ordinal);
        Assert.Equal(0, _trial.Client("set", "RADIO_ISOLATION", "off", "--passphrase-file", PassphraseFile).ExitCode);
        string client = $"{Binaries.Client} --root {_trial.Root} --home {_trial.Home}";
        Assert.Equal(0, Command.Run(["sh", "-c", $"exec {client} set RADIO_IDLE_TIMEOUT_MIN 5 --passphrase-fd 7 7<{PassphraseFile}"]).ExitCode);
        Assert.Equal(0, Command.Run(["sh", "-c", $"exec {client} set TOR_ISOLATION off --passphrase-file -"], Passphrase + "\n").ExitCode);
        Assert.Equal(3, _trial.Status().GetProperty("size").GetInt64());
        CommandResult shown = _trial.Client("key", "show", "-o", "json");
        Assert.True(JsonDocument.Parse(shown.Output).RootElement.GetProperty("protected").GetBoolean());

        Assert.Equal(0, _trial.Client("keys", "unprotect", "--passphrase-file", PassphraseFile).ExitCode);
        Assert.Equal(seed, File.ReadAllBytes(KeyFile));
        Assert.Equal(0, _trial.Client("set", "RADIO_ISOLATION", "on").ExitCode);
    }

    [Fact]
    public void AWrongPassphrase_OrNobodyToAsk_IsAKeyProblem_AndMakesNoKey()
    {
        using RunningProgram daemon = _trial.StartDaemon();
        Protect();
        byte[] before = File.ReadAllBytes(KeyFile);
        File.WriteAllText(_trial.At("/wrong"), "another one\n");
        foreach (string[] command in (string[][])[["set", "RADIO_ISOLATION", "off"], ["status", "--reveal"], ["keys", "unprotect"], ["backup", _trial.At("/b.db")], ["audit", "key", "--sign"]])
        {
            CommandResult wrong = _trial.Client([.. command, "--passphrase-file", _trial.At("/wrong")]);
            Assert.Equal(4, wrong.ExitCode);
            Assert.Contains("the passphrase is not that of", wrong.Error);
            CommandResult nobody = _trial.Client(command);
            Assert.Equal(4, nobody.ExitCode);
            Assert.Contains("nobody can be asked for it here", nobody.Error);
            // An agent signs, and gives the key to nobody.
            Assert.Equal(command[0] != "keys", nobody.Error.Contains($"qwamosctl --root {_trial.Root} --home {_trial.Home} agent", StringComparison.Ordinal));
        }
        Assert.Equal(before, File.ReadAllBytes(KeyFile));
        Assert.Equal(0, _trial.Status().GetProperty("size").GetInt64());
        File.WriteAllText(_trial.At("/empty"), "\n");
        Assert.Contains("the passphrase is empty", _trial.Client("keys", "unprotect", "--passphrase-file", _trial.At("/empty")).Error);
    }

    [Theory]
    [InlineData("write,pwrite64")]
    [InlineData("fsync")]
    [InlineData("renameat")]
    [InlineData("openat")]
    public void Attack29_KilledAtAnyStepOfProtectAndUnprotect_LeavesAKeyThatCanBeUsed(string call)
    {
        Needs.FaultInjection();
        byte[] seed = File.ReadAllBytes(KeyFile);
        File.WriteAllText(PassphraseFile, Passphrase);
        File.SetUnixFileMode(PassphraseFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        foreach (string command in (string[])["protect", "unprotect"])
        {
            bool isDone = false;
            for (int step = 1; !isDone; step++)
            {
                Assert.InRange(step, 1, 60);
                bool isRaw = command == "protect";
                if (isRaw != (new FileInfo(KeyFile).Length == seed.Length))
                    Assert.Equal(0, _trial.Client("keys", isRaw ? "unprotect" : "protect", "--passphrase-file", PassphraseFile).ExitCode);
                CommandResult killed = Command.Run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", $"trace={call}", "-e", $"inject={call}:signal=KILL:when={step}", "-P", _trial.Home, "-P", KeyFile,
                    Binaries.Client, "--root", _trial.Root, "--home", _trial.Home, "keys", command, "--passphrase-file", PassphraseFile]);
                isDone = killed.ExitCode == 0;
                // Without a daemon: what opens the key fails later, at the socket.
                Assert.Equal(3, _trial.Client("status", "--reveal", "--passphrase-file", PassphraseFile).ExitCode);
                if (new FileInfo(KeyFile).Length == seed.Length)
                    Assert.Equal(seed, File.ReadAllBytes(KeyFile));
            }
        }
        Assert.Equal(seed, File.ReadAllBytes(KeyFile));
        // The next change clears up what the killed ones left.
        Protect();
        Assert.DoesNotContain(Directory.GetFiles(_trial.Home), file => file.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [Fact]
    public void APersonProtects_Signs_AndIsAskedOnceACommand_WithoutAnythingShown()
    {
        using RunningProgram daemon = _trial.StartDaemon();
        string protect = AtTerminal(["New passphrase", Passphrase + "\n", "same again", Passphrase + "\n"], "keys", "protect");
        Assert.Contains("exit 0, echo on, steps left 0", protect);
        string set = AtTerminal(["Passphrase of", Passphrase + "\n"], "backup", _trial.At("/b.db"));
        Assert.Contains("exit 0, echo on, steps left 0", set);
        string wrong = AtTerminal(["Passphrase of", "no\n"], "set", "RADIO_ISOLATION", "off");
        Assert.Contains("the passphrase is not that of", wrong);
        Assert.Contains("exit 4, echo on", wrong);
        Assert.Contains("not alike", AtTerminal(["Passphrase of", Passphrase + "\n", "New passphrase", "a\n", "same again", "b\n"], "keys", "protect"));
        Assert.All([protect, set], output => Assert.DoesNotContain("dragons", output));
    }

    [Theory]
    [InlineData("^C", "exit -2, echo on")]
    [InlineData("signal:SIGTERM", "exit -15, echo on")]
    [InlineData("signal:SIGHUP", "exit -1, echo on")]
    [InlineData("signal:SIGQUIT", "exit -3, echo on")]
    public void WhatEndsACommandWhileAPassphraseIsTyped_LeavesATerminalThatShowsWhatIsTyped(string ending, string said)
    {
        byte[] seed = Protect();
        Assert.Contains(said, AtTerminal(["Passphrase of", ending], "status", "--reveal"));
        Assert.NotEqual(seed, File.ReadAllBytes(KeyFile));
    }

    [Fact]
    public void StoppedAndContinued_AsksAgain_AndStillShowsNothing()
    {
        Protect();
        string output = AtTerminal(["Passphrase of", "signal:SIGTSTP", "", "pause:0.3", "", "signal:SIGCONT", "Passphrase of", Passphrase + "\n"], "keys", "unprotect");
        Assert.Contains("exit 0, echo on, steps left 0", output);
        Assert.DoesNotContain("dragons", output);
    }

    private byte[] Protect()
    {
        byte[] seed = File.ReadAllBytes(KeyFile);
        File.WriteAllText(PassphraseFile, Passphrase + "\n");
        File.SetUnixFileMode(PassphraseFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        CommandResult done = _trial.Client("keys", "protect", "--passphrase-file", PassphraseFile);
        Assert.True(done.ExitCode == 0, done.Error);
        Assert.True(File.ReadAllBytes(KeyFile).AsSpan().IndexOf(seed) < 0);
        Assert.True(File.ReadAllBytes(KeyFile).AsSpan().IndexOf(Encoding.UTF8.GetBytes(Passphrase)) < 0);
        return seed;
    }

    private string AtTerminal(string[] steps, params string[] command)
    {
        Needs.Tool("python3");
        return Command.Run(["python3", Path.Combine(Binaries.Repository, "tests", "system", "terminal.py"), .. steps, "--", Binaries.Client, "--root", _trial.Root, "--home", _trial.Home, .. command]).Output;
    }
}
