using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>The agent that holds an unlocked key: whom it serves, what it asks about, and that it forgets.</summary>
public sealed class AgentTests : IDisposable
{
    private const string Passphrase = "Tr0ub4dor & three dragons";
    private const string Nobody = "65534";
    private const int SigHup = 1;
    private readonly Trial _trial = new();
    private readonly byte[] _seed;

    public AgentTests()
    {
        _seed = File.ReadAllBytes(Path.Combine(_trial.Home, "ed25519_sk"));
        File.WriteAllText(PassphraseFile, Passphrase + "\n");
        File.SetUnixFileMode(PassphraseFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal(0, _trial.Client("keys", "protect", "--passphrase-file", PassphraseFile).ExitCode);
    }

    private string PassphraseFile => _trial.At("/passphrase");

    private string Socket => Path.Combine(_trial.Home, "agent.sock");

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void Attack40_ItSigns_AndWhenItIsLocked_NeitherSeedNorPassphraseIsInItsMemoryOrInAnyLog()
    {
        Needs.Root();
        using RunningProgram daemon = _trial.StartDaemon(), agent = Start();
        CommandResult set = _trial.Client("set", "RADIO_ISOLATION", "off"), shown = _trial.Client("key", "show");
        Assert.Equal(0, set.ExitCode);
        Assert.Contains("agent       holds it", shown.Output);
        agent.WaitForLog("set_policy RADIO_ISOLATION=off");
        Assert.True(Memory(agent.Id, _seed), "this test finds no key in memory where one must be");

        CommandResult locked = _trial.Client("agent", "--lock");
        Assert.Equal(0, locked.ExitCode);
        Assert.False(Memory(agent.Id, _seed), "the seed is in the memory of a locked agent");
        Assert.False(Memory(agent.Id, Encoding.UTF8.GetBytes(Passphrase)), "the passphrase is in the memory of a locked agent");
        Assert.Contains("agent       locked", _trial.Client("key", "show").Output);
        CommandResult refused = _trial.Client("set", "RADIO_ISOLATION", "on");
        Assert.Equal(4, refused.ExitCode);
        Assert.Contains("it is locked", refused.Error);
        Assert.Equal(0, agent.Stop());
        Assert.False(File.Exists(Socket));
        string[] secrets = [Passphrase, Convert.ToHexStringLower(_seed), Convert.ToBase64String(_seed)];
        foreach (string text in (string[])[agent.Log, daemon.Log, set.Output, set.Error, shown.Output, locked.Output, refused.Error, File.ReadAllText(_trial.StatusFile)])
            Assert.All(secrets, secret => Assert.DoesNotContain(secret, text));
    }

    [Fact]
    public void ItLocksItself_WhenNothingWasSignedForItsTime()
    {
        using RunningProgram agent = Start("--lock-after", "1s");
        agent.WaitForLog("locked: nothing was signed for 1 s");
        Assert.Equal("locked", Ask(Sign("{}"u8)).GetProperty("code").GetString());
    }

    [Fact]
    public void Hangup_Locks()
    {
        using RunningProgram agent = Start();
        agent.Signal(SigHup);
        agent.WaitForLog("locked by a signal");
        Assert.True(Ask("""{"op":"status"}"""u8).GetProperty("locked").GetBoolean());
    }

    [Fact]
    public void ADangerousChange_IsAskedAbout_AtTheAgentsTerminal()
    {
        using RunningProgram daemon = _trial.StartDaemon(), agent = StartAtTerminal("within 60 s", "yes\n", "within 60 s", "no\n", "within 60 s", "yess\n");
        Assert.Equal(0, _trial.Client("set", "RADIO_ISOLATION", "off").ExitCode);
        CommandResult armed = _trial.Client("set", "GHOST.trigger", "armed");
        Assert.Equal(0, armed.ExitCode);
        Assert.Contains("answer at its terminal", armed.Error);
        foreach (string answer in (string[])["no", "yess"])
        {
            CommandResult declined = _trial.Client("set", "GHOST.trigger", "fire");
            Assert.True(declined.ExitCode == 4, answer);
            Assert.Contains("said no", declined.Error);
        }
        Assert.Equal(2, _trial.Status().GetProperty("size").GetInt64());
        Assert.Contains("set      GHOST.trigger = fire", agent.Log);
        Assert.Contains("signed for process", agent.Log);
    }

    [Fact]
    public void WithoutATerminalOfItsOwn_ADangerousChangeNeedsThePassphrase()
    {
        Needs.Tool("python3");
        using RunningProgram daemon = _trial.StartDaemon(), agent = Start();
        CommandResult nobody = _trial.Client("set", "GHOST.trigger", "armed");
        Assert.Equal(4, nobody.ExitCode);
        Assert.Contains("it has no terminal to ask at, and GHOST.trigger is an event", nobody.Error);
        Assert.Equal(0, _trial.Status().GetProperty("size").GetInt64());
        string output = Command.Run([.. Terminal, "Passphrase of", Passphrase + "\n", "--", .. Client, "set", "GHOST.trigger", "armed"]).Output;
        Assert.Contains("exit 0, echo on, steps left 0", output);
        Assert.Equal(1, _trial.Status().GetProperty("size").GetInt64());
    }

    [Fact]
    public void LockedAtATerminal_ItIsOpenedThereAgain()
    {
        using RunningProgram daemon = _trial.StartDaemon(), agent = StartAtTerminal("Locked. Passphrase", "wrong\n", "Locked. Passphrase", Passphrase + "\n");
        Assert.Equal(0, _trial.Client("agent", "--lock").ExitCode);
        agent.WaitForLog("unlocked: locks itself after 900 s");
        Assert.Equal(0, _trial.Client("set", "RADIO_ISOLATION", "off").ExitCode);
        Assert.DoesNotContain("dragons", agent.Log);
    }

    [Fact]
    public void Attack25_AnotherUser_IsNotServed_RootNeither_AndTheAgentIsNotDumpable()
    {
        Needs.Root();
        Needs.Tool("setpriv");
        string bin = Directory.CreateDirectory(_trial.At("/bin")).FullName;
        foreach (string file in Directory.GetFiles(Path.GetDirectoryName(Binaries.Client)!, "*.so").Append(Binaries.Client))
            File.Copy(file, Path.Combine(bin, Path.GetFileName(file)));
        Assert.Equal(0, Command.Run(["chown", "-R", $"{Nobody}:{Nobody}", _trial.Root]).ExitCode);
        string[] asNobody = ["setpriv", $"--reuid={Nobody}", $"--regid={Nobody}", "--clear-groups", Path.Combine(bin, "qwamosctl"), "--root", _trial.Root, "--home", _trial.Home];
        using var agent = RunningProgram.Start([.. asNobody, "agent", "--passphrase-file", PassphraseFile]);
        agent.WaitForLog("listens at");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Socket));
        Assert.Equal("0", Command.Run(["stat", "-c", "%u", $"/proc/{agent.Id}/environ"]).Output.Trim());

        // Root may connect whatever the mode is; others where somebody widened it.
        File.SetUnixFileMode(Socket, (UnixFileMode)0x1B6);
        Assert.Equal("", Exchange("""{"op":"status"}"""u8));
        agent.WaitForLog("of uid 0: the agent serves its own user only");
        Assert.Contains("agent       holds it", Command.Run([.. asNobody, "key", "show"]).Output);
        // And a client does not speak with an agent of another user.
        Assert.Equal(0, Command.Run(["chown", "-R", "0:0", _trial.Root]).ExitCode);
        CommandResult root = _trial.Client("status", "--reveal");
        Assert.Equal(4, root.ExitCode);
        Assert.Contains("another user's program listens", root.Error);
    }

    [Fact]
    public void Attack24_PeersThatSaySomethingElseOrNothing_KeepNobodyFromBeingServed()
    {
        using RunningProgram daemon = _trial.StartDaemon(), agent = Start();
        List<Socket> silent = [];
        try
        {
            for (int i = 0; i < 40; i++)
                silent.Add(Connect());
            silent[^1].Send("{\"op\":\"si"u8);
            Assert.Equal(0, _trial.Client("set", "RADIO_ISOLATION", "off").ExitCode);
            // In the end they are cut off: it is read that the other side has closed.
            silent[^2].ReceiveTimeout = 60_000;
            Assert.Equal(0, silent[^2].Receive(new byte[1]));
        }
        finally
        {
            silent.ForEach(socket => socket.Dispose());
        }
        Assert.Equal("bad_request", Ask("hello\n"u8).GetProperty("code").GetString());
        Assert.Equal("bad_request", Ask([0, 1, 2, (byte)'\n']).GetProperty("code").GetString());
        Assert.Equal("too_large", Ask(Encoding.ASCII.GetBytes(new string('x', 90_113))).GetProperty("code").GetString());
        Assert.Equal("bad_request", Ask(""u8).GetProperty("code").GetString());
        Assert.Equal("refused", Ask(Sign("hello"u8)).GetProperty("code").GetString());
        Assert.Equal("other_key", Ask("""{"op":"sign","key_id":"x","data":""}"""u8).GetProperty("code").GetString());
        Assert.Equal(0, _trial.Client("set", "RADIO_ISOLATION", "on").ExitCode);
    }

    [Fact]
    public void OnlyOneAgent_AndADeadOnesSocketIsReplaced()
    {
        using RunningProgram first = Start();
        CommandResult second = _trial.Client("agent", "--passphrase-file", PassphraseFile);
        Assert.Equal(4, second.ExitCode);
        Assert.Contains("another agent listens", second.Error);
        first.Kill9();
        Assert.True(File.Exists(Socket));
        using RunningProgram third = Start();
        Assert.False(Ask("""{"op":"status"}"""u8).GetProperty("locked").GetBoolean());
    }

    [Fact]
    public void TheSocketOfADefaultHome_IsInTheUsersRuntimeFolder()
    {
        string home = Directory.CreateDirectory(_trial.At("/user")).FullName, runtime = Directory.CreateDirectory(_trial.At("/run-user")).FullName;
        Directory.CreateDirectory(Path.Combine(home, ".qwamos"));
        Directory.Move(_trial.Home, Path.Combine(home, ".qwamos", "dom0"));
        Dictionary<string, string> environment = new() { ["HOME"] = home, ["XDG_RUNTIME_DIR"] = runtime };
        using var agent = RunningProgram.Start([Binaries.Client, "--root", _trial.Root, "agent", "--passphrase-file", PassphraseFile], environment);
        agent.WaitForLog($"listens at  {runtime}/qwamos/agent.sock");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.Combine(runtime, "qwamos")));
        CommandResult shown = Command.Run([Binaries.Client, "--root", _trial.Root, "key", "show"], environment: environment.ToDictionary(pair => pair.Key, pair => (string?)pair.Value));
        Assert.Contains("agent       holds it", shown.Output);
    }

    private string[] Client => [Binaries.Client, "--root", _trial.Root, "--home", _trial.Home];

    private static string[] Terminal => ["python3", Path.Combine(Binaries.Repository, "tests", "system", "terminal.py")];

    private RunningProgram Start(params string[] options)
    {
        var agent = RunningProgram.Start([.. Client, "agent", "--passphrase-file", PassphraseFile, .. options]);
        agent.WaitForLog("listens at");
        return agent;
    }

    private RunningProgram StartAtTerminal(params string[] steps)
    {
        Needs.Tool("python3");
        var agent = RunningProgram.Start([.. Terminal, "Passphrase of", Passphrase + "\n", .. steps, "--", .. Client, "agent"]);
        agent.WaitForLog("listens at");
        return agent;
    }

    private byte[] Sign(ReadOnlySpan<byte> data)
    {
        string id = Ask("""{"op":"status"}"""u8).GetProperty("key_id").GetString()!;
        return Encoding.ASCII.GetBytes($$"""{"op":"sign","key_id":"{{id}}","data":"{{Convert.ToBase64String(data)}}"}""");
    }

    private JsonElement Ask(ReadOnlySpan<byte> request) => JsonDocument.Parse(Exchange(request)).RootElement;

    /// <summary>What is answered until the agent closes, or resets a connection that sent more than it read.</summary>
    private string Exchange(ReadOnlySpan<byte> request)
    {
        using Socket socket = Connect();
        StringBuilder answer = new();
        byte[] part = new byte[4096];
        try
        {
            socket.Send([.. request, (byte)'\n']);
            while (socket.Receive(part) is > 0 and int length)
                answer.Append(Encoding.UTF8.GetString(part, 0, length));
        }
        catch (SocketException)
        {
            // What came before counts.
        }
        return answer.ToString();
    }

    private Socket Connect()
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(Socket));
        return socket;
    }

    /// <summary>Whether some bytes are anywhere in a process's memory.</summary>
    private static bool Memory(int pid, byte[] wanted)
    {
        using FileStream memory = new($"/proc/{pid}/mem", FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 0);
        byte[] chunk = new byte[1 << 20];
        foreach (string line in File.ReadLines($"/proc/{pid}/maps"))
        {
            string[] words = line.Split(' ');
            long[] ends = [.. words[0].Split('-').Select(end => unchecked((long)ulong.Parse(end, System.Globalization.NumberStyles.HexNumber, null)))];
            if (!words[1].StartsWith('r') || line.EndsWith("[vvar]", StringComparison.Ordinal) || ends[0] < 0)
                continue;
            try
            {
                for (long at = ends[0]; at < ends[1]; at += chunk.Length - wanted.Length)
                {
                    memory.Position = at;
                    int read = memory.Read(chunk, 0, (int)Math.Min(chunk.Length, ends[1] - at));
                    if (read <= 0)
                        break;
                    if (chunk.AsSpan(0, read).IndexOf(wanted) >= 0)
                        return true;
                }
            }
            catch (IOException)
            {
                // A page that was never touched, or is the kernel's.
            }
        }
        return false;
    }
}
