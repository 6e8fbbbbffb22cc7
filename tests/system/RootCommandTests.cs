using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>The daemons' commands for root, on the published programs.</summary>
public sealed class RootCommandTests : IDisposable
{
    private readonly Trial _trial = new(enrolled: false);

    public void Dispose() => _trial.Dispose();

    public static TheoryData<string> Daemons => ["qwamosd", "gateway-policyd"];

    [Theory]
    [MemberData(nameof(Daemons))]
    public void EnrollWithTheFingerprint_InstallsTheAnchor0644_AndMakesTheSystemId(string daemon)
    {
        string fingerprint = MakeKey("one");
        CommandResult result = Enroll(daemon, "one", "--fingerprint", fingerprint);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains(fingerprint, result.Output);
        Assert.Equal(32, File.ReadAllBytes(_trial.At("/etc/qwamos/dom0.pub")).Length);
        Assert.Equal((UnixFileMode)0x1A4, File.GetUnixFileMode(_trial.At("/etc/qwamos/dom0.pub")));
        Assert.True(File.Exists(_trial.At("/etc/qwamos/system.id")));
    }

    [Theory]
    [MemberData(nameof(Daemons))]
    public void EnrollUnconfirmed_OrWithAnotherFingerprint_ChangesNothing(string daemon)
    {
        MakeKey("one");
        Assert.Equal(1, Enroll(daemon, "one").ExitCode);
        Assert.Equal(1, Enroll(daemon, "one", "--fingerprint", new string('0', 64)).ExitCode);
        Assert.False(File.Exists(_trial.At("/etc/qwamos/dom0.pub")));
    }

    [Theory]
    [InlineData("qwamosd", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")] // small order
    [InlineData("qwamosd", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")] // non-canonical
    [InlineData("qwamosd", "b502ff3d92e31d8190b4aa4ea0414005167fad089c4de9dac8a2fc850fed4f58")] // mixed order
    [InlineData("gateway-policyd", "b502ff3d92e31d8190b4aa4ea0414005167fad089c4de9dac8a2fc850fed4f58")]
    public void Attack02_BadPublicKey_IsNotEnrolled(string daemon, string keyHex)
    {
        byte[] key = Convert.FromHexString(keyHex);
        string file = _trial.At("/bad.pub");
        File.WriteAllBytes(file, key);
        string fingerprint = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData([.. "qwamos-key\n"u8, 0x01, .. key]));
        CommandResult result = Run(daemon, "enroll", file, "--fingerprint", fingerprint);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("bad.pub", result.Error);
        Assert.False(File.Exists(_trial.At("/etc/qwamos/dom0.pub")));
    }

    [Fact]
    public void GatewayIsEnrolledWithTheIdOfItsDom0_AndTheDaemonMakesItsOwn()
    {
        string fingerprint = MakeKey("one");
        string id = new('5', 32);
        Assert.Equal(0, Enroll("gateway-policyd", "one", "--fingerprint", fingerprint, "--system", id).ExitCode);
        Assert.Equal(id + "\n", File.ReadAllText(_trial.At("/etc/qwamos/system.id")));
        CommandResult other = Enroll("gateway-policyd", "one", "--fingerprint", fingerprint, "--system", new string('6', 32));
        Assert.Equal(1, other.ExitCode);
        Assert.Contains("--replace", other.Error);
        Assert.Equal(2, Enroll("qwamosd", "one", "--system", id).ExitCode);
    }

    [Theory]
    [MemberData(nameof(Daemons))]
    public void AnotherKey_IsEnrolledOnlyWithReplace(string daemon)
    {
        string one = MakeKey("one");
        string two = MakeKey("two");
        Enroll(daemon, "one", "--fingerprint", one);
        byte[] first = File.ReadAllBytes(_trial.At("/etc/qwamos/dom0.pub"));
        CommandResult refused = Enroll(daemon, "two", "--fingerprint", two);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("--replace", refused.Error);
        Assert.Equal(first, File.ReadAllBytes(_trial.At("/etc/qwamos/dom0.pub")));
        Assert.Equal(0, Enroll(daemon, "two", "--fingerprint", two, "--replace").ExitCode);
        Assert.NotEqual(first, File.ReadAllBytes(_trial.At("/etc/qwamos/dom0.pub")));
    }

    [Fact]
    public void ReplacedAnchor_LeavesANoteForTheLedger()
    {
        string one = MakeKey("one");
        string two = MakeKey("two");
        Enroll("qwamosd", "one", "--fingerprint", one);
        Enroll("qwamosd", "two", "--fingerprint", two, "--replace");
        string note = File.ReadAllText(_trial.At("/var/lib/qwamos-boot/notes/00000001.json"));
        Assert.Contains("\"kind\":\"anchor-replaced\"", note);
        Assert.Contains(one, note);
        Assert.Contains(two, note);
    }

    [Fact]
    public void ReplacedKey_IsBelievedByWhoRuns_AndStatusTellsWhatTheBootWillRefuse()
    {
        string one = MakeKey("one");
        string two = MakeKey("two");
        Enroll("qwamosd", "one", "--fingerprint", one);
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal(0, Client("one", "set", "KERNEL_HARDENING", "strict").ExitCode);
        Assert.Contains("THE OLD KEY IS STILL BELIEVED: qwamosd runs", Enroll("qwamosd", "two", "--fingerprint", two, "--replace").Error);
        Assert.Equal(0, daemon.Stop());
        CommandResult again = Enroll("qwamosd", "one", "--fingerprint", one, "--replace");
        Assert.DoesNotContain("STILL BELIEVED", again.Error);
        Assert.Contains($"qwamosd believes the new key from its next start on: qwamosd --root {_trial.Root}", again.Output);
        Enroll("qwamosd", "two", "--fingerprint", two, "--replace");

        _trial.StartDaemon();
        string status = Client("two", "status").Output;
        Assert.Contains("KERNEL_HARDENING  strict  (the boot will refuse it)", System.Text.RegularExpressions.Regex.Replace(status, " {2,}", "  "));
        Assert.Contains($"the boot will refuse KERNEL_HARDENING: signed by {one}, which is not enrolled any more; set it again", status);
        Assert.Contains("KERNEL_HARDENING (entry 0) is not applied", _trial.ApplyPending().Error);
        Assert.Equal(0, Client("two", "set", "KERNEL_HARDENING", "strict").ExitCode);
        Assert.DoesNotContain("the boot will refuse", Client("two", "status").Output);
    }

    [Fact]
    public void KeyMadeInATrial_IsSaidToBeBelieved_AndIs()
    {
        var home = new Dictionary<string, string> { ["HOME"] = Home("user") };
        Directory.CreateDirectory(Home("user"));
        CommandResult made = Command.Run([Binaries.Client, "--root", _trial.Root, "key", "show"], environment: home!);
        Assert.Contains("In this trial it is believed as long as no key is enrolled.", made.Error);
        _trial.StartDaemon(environment: home);
        Assert.Equal(0, Command.Run([Binaries.Client, "--root", _trial.Root, "set", "RADIO_ISOLATION", "off"], environment: home!).ExitCode);
        MakeKey("other");
        Assert.Contains("Its changes are not believed before it is enrolled.", Client("another", "key", "show").Error);
    }

    [Theory]
    [MemberData(nameof(Daemons))]
    public void UnknownCommand_NamesTheOneThatWasMeant(string daemon)
    {
        CommandResult result = Run(daemon, "enrol", "FILE");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("there is no command enrol; did you mean enroll?", result.Error);
    }

    [Theory]
    [InlineData("tomorrow")]
    [InlineData("-5")]
    [InlineData("1e9")]
    public void TimeFloorThatIsNoTime_IsRefused(string time)
    {
        Assert.NotEqual(0, Run("qwamosd", "set-time-floor", time).ExitCode);
        Assert.False(Directory.Exists(_trial.At("/var/lib/qwamos-boot")));
    }

    [Theory]
    [MemberData(nameof(Daemons))]
    public void RootSlash_IsAUsageError(string daemon) =>
        Assert.Equal(2, Command.Run([Program(daemon), "set-time-floor", "5", "--root", "/"]).ExitCode);

    private string MakeKey(string name)
    {
        Assert.Equal(0, Command.Run([Binaries.Client, "--root", _trial.Root, "--home", Home(name), "key", "show"]).ExitCode);
        return TestSigner.FromSeed(File.ReadAllBytes(Path.Combine(Home(name), "ed25519_sk"))).KeyId;
    }

    private CommandResult Enroll(string daemon, string name, params string[] options) =>
        Run(daemon, ["enroll", Path.Combine(Home(name), "ed25519_pk"), .. daemon == "qwamosd" || options.Contains("--system") ? options : [.. options, "--system", new string('5', 32)]]);

    private CommandResult Client(string home, params string[] arguments) => Command.Run([Binaries.Client, "--root", _trial.Root, "--home", Home(home), .. arguments]);

    private CommandResult Run(string daemon, params string[] arguments) => Command.Run([Program(daemon), "--root", _trial.Root, .. arguments]);

    private string Home(string name) => Path.Combine(_trial.Root, name);

    private static string Program(string daemon) => daemon == "qwamosd" ? Binaries.Daemon : Binaries.Gateway;
}
