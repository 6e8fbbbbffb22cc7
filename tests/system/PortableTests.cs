using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>The client for systems without glibc or libsodium: run by the .NET runtime, with libsodium and with it taken away, against the real daemon.</summary>
public sealed class PortableTests : IDisposable
{
    private const string NotVerified = "NOT VERIFIED: the ledger's checkpoint in this answer was neither checked nor kept";
    private const string OnlyLibsodium = "only libsodium verifies, and it cannot be loaded here";

    private readonly ScratchFolder _scratch = new();
    private readonly Trial _trial = new(enrolled: false);

    public void Dispose()
    {
        _trial.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public void WithLibsodium_ItSignsAndVerifiesWithThat()
    {
        Needs.Tool("dotnet");
        Portable("key", "show");
        _trial.Enroll();
        using RunningProgram daemon = _trial.StartDaemon();
        CommandResult set = Portable("set", "RADIO_ISOLATION", "off");
        Assert.Equal(0, set.ExitCode);
        Assert.Contains("Seen for the first time", set.Error);
        Assert.DoesNotContain("NOT VERIFIED", set.Error);
        Assert.Equal("libsodium", Json(Portable("key", "show", "-o", "json")).GetProperty("signs_with").GetString());
        Assert.Contains("libsodium signs and verifies", Portable("doctor").Output);
        CommandResult verified = Portable("audit", "verify");
        Assert.True(verified.ExitCode == 0, verified.Error);
    }

    [Fact]
    public void WithoutLibsodium_ItSigns_AndTheDaemonAccepts_AndTheLedgerHoldsForThoseWhoVerify()
    {
        string client = WithoutLibsodium();
        CommandResult key = Run(client, "key", "show", "-o", "json");
        Assert.True(key.ExitCode == 0, key.Error);
        Assert.Contains("libsodium cannot be loaded here, so BouncyCastle signs, and nothing is verified", key.Error);
        Assert.Equal("BouncyCastle", Json(key).GetProperty("signs_with").GetString());
        // The key that it made is the one that libsodium derives.
        Assert.Equal(_trial.Signer.KeyId, Json(key).GetProperty("key_id").GetString());
        _trial.Enroll();
        Assert.True(Json(Run(client, "key", "show", "-o", "json")).GetProperty("enrolled").GetBoolean());
        using RunningProgram daemon = _trial.StartDaemon();

        CommandResult set = Run(client, "set", "RADIO_ISOLATION", "off", "--reason", "signed elsewhere");
        Assert.True(set.ExitCode == 0, set.Error);
        Assert.StartsWith("recorded; no enforcer here yet", set.Output);
        Assert.Contains("BouncyCastle signs", set.Error);
        Assert.Contains(NotVerified, set.Error);
        Assert.False(Json(Run(client, "set", "KERNEL_HARDENING", "strict", "-o", "json")).GetProperty("checkpoint_verified").GetBoolean());
        Assert.False(Directory.Exists(Path.Combine(_trial.Home, "seen")), "what was not verified was kept");

        // A client with libsodium, of the same operator, finds all of it sound.
        CommandResult verified = _trial.Client("audit", "verify");
        Assert.True(verified.ExitCode == 0, verified.Error);
        Assert.Equal("off", _trial.Status().GetProperty("policy").GetProperty("RADIO_ISOLATION").GetString());
        Assert.Equal("strict", _trial.Status().GetProperty("pending").GetProperty("KERNEL_HARDENING").GetString());
    }

    [Fact]
    public void WithoutLibsodium_AKeyUnderAPassphrase_IsOpenedAndProtectedByBouncyCastle_AndTheOtherClientOpensIt()
    {
        string client = WithoutLibsodium(), passphrase = Path.Combine(_scratch.Path, "passphrase"), key = Path.Combine(_trial.Home, "ed25519_sk");
        File.WriteAllText(passphrase, "only for this\n");
        _trial.Enroll();
        byte[] seed = File.ReadAllBytes(key);
        using RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal(0, _trial.Client("keys", "protect", "--passphrase-file", passphrase).ExitCode);
        CommandResult set = Run(client, "set", "RADIO_ISOLATION", "off", "--passphrase-file", passphrase);
        Assert.True(set.ExitCode == 0, set.Error);
        Assert.Equal(0, Run(client, "keys", "unprotect", "--passphrase-file", passphrase).ExitCode);
        Assert.Equal(seed, File.ReadAllBytes(key));
        Assert.Equal(0, Run(client, "keys", "protect", "--passphrase-file", passphrase).ExitCode);
        Assert.Equal(0, _trial.Client("set", "RADIO_ISOLATION", "on", "--passphrase-file", passphrase).ExitCode);
        Assert.Equal(4, Run(client, "set", "RADIO_ISOLATION", "off", "--passphrase-file", client).ExitCode);
    }

    /// <summary>As where the runtime finds a library for the processor, and the system has another C library: Android with Termux.</summary>
    [Theory]
    [InlineData("linux-musl-x64")]
    [InlineData("linux-arm64")]
    public void WithALibsodiumForAnotherSystem_ItSigns(string other)
    {
        string client = WithoutLibsodium();
        string here = Path.Combine(Path.GetDirectoryName(client)!, "runtimes", "linux-x64", "native"), there = Path.Combine(Path.GetDirectoryName(Binaries.PortableClient)!, "runtimes", other, "native");
        File.Copy(Path.Combine(there, "libsodium.so"), Path.Combine(here, "libsodium.so"));
        Assert.Equal("BouncyCastle", Json(Run(client, "key", "show", "-o", "json")).GetProperty("signs_with").GetString());
    }

    [Fact]
    public void WithoutLibsodium_WhatNeedsVerification_IsRefused_AndWhatShowsSaysThatNothingWasVerified()
    {
        string client = WithoutLibsodium();
        _trial.Enroll();
        using RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").GetProperty("status").GetString());
        string file = Path.Combine(_scratch.Path, "made");
        foreach (string[] command in (string[][])
            [["audit", "checkpoint"], ["audit", "key"], ["audit", "key", "--sign"], ["audit", "show"], ["audit", "verify"], ["audit", "prove", "0"], ["audit", "export", file], ["backup", file],
            ["audit", "check-proof", Path.Combine(Binaries.Repository, "README.md"), "--signer", Path.Combine(_trial.Home, "ed25519_pk")]])
        {
            CommandResult refused = Run(client, command);
            Assert.Equal(1, refused.ExitCode);
            Assert.Contains(OnlyLibsodium, refused.Error);
            Assert.Equal("", refused.Output);
        }
        Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(_scratch.Path), path => path.Contains("made", StringComparison.Ordinal));
        Assert.Equal("failed", Json(Run(client, "audit", "verify", "-o", "json")).GetProperty("code").GetString());

        Assert.Contains(NotVerified, Run(client, "status").Error);
        Assert.False(Json(Run(client, "status", "-o", "json")).GetProperty("checkpoint_verified").GetBoolean());
        Assert.Equal($"healthy; checkpoint is not verified: {OnlyLibsodium}; enforcement nothing acts on RADIO_ISOLATION: no domain of class gateway is named in domains.json\n", Run(client, "health").Output);
        JsonElement[] findings = [.. Json(Run(client, "doctor", "-o", "json")).GetProperty("findings").EnumerateArray()];
        string StateOf(string area) => findings.Single(finding => finding.GetProperty("area").GetString() == area).GetProperty("state").GetString()!;
        Assert.Equal(["look", "unseen", "look"], [StateOf("signing"), StateOf("enrolled key"), StateOf("checkpoint")]);
    }

    [Fact]
    public async Task WithoutLibsodium_ADaemonThatCallsItsOwnAnswerVerified_IsNotShownAsSuch()
    {
        string client = WithoutLibsodium();
        Directory.CreateDirectory(Path.GetDirectoryName(_trial.BusSocket)!);
        using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_trial.BusSocket));
        listener.Listen();
        Task answered = Task.Run(() =>
        {
            using Socket connection = listener.Accept();
            connection.Receive(new byte[4096]);
            connection.Send(Encoding.UTF8.GetBytes("""{"status":"ok","policy":{},"pending":{},"checkpoint":"forged","key":"forged","checkpoint_verified":true}""" + "\n"));
        });
        CommandResult status = Run(client, "status", "-o", "json");
        await answered.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Single(Json(status).EnumerateObject(), member => member.Name == "checkpoint_verified");
        Assert.False(Json(status).GetProperty("checkpoint_verified").GetBoolean());
        Assert.Contains(NotVerified, status.Error);
    }

    [Fact]
    public void ProgramsCompiledAheadOfTime_CarryNothingOfBouncyCastle()
    {
        // Names of types that are used stand in a program, in one byte a character; texts stand in two.
        byte[] program = File.ReadAllBytes(Binaries.Client);
        Assert.True(program.AsSpan().IndexOf("NSec"u8) >= 0, "no names of types are in the program");
        Assert.True(program.AsSpan().IndexOf("BouncyCastle"u8) < 0, "BouncyCastle is in the program");
    }

    private static JsonElement Json(CommandResult result)
    {
        Assert.True(result.Output.Length > 0, result.Error);
        return JsonDocument.Parse(result.Output).RootElement;
    }

    private CommandResult Portable(params string[] arguments) => Run(Binaries.PortableClient, arguments);

    private CommandResult Run(string program, params string[] arguments) => Command.Run(["dotnet", program, "--root", _trial.Root, "--home", _trial.Home, .. arguments]);

    /// <summary>A copy of the portable client out of which libsodium was taken, on a system that has none of its own where a program finds it.</summary>
    private string WithoutLibsodium()
    {
        Needs.Tool("dotnet");
        string folder = Path.Combine(_scratch.Path, "portable");
        Assert.Equal(0, Command.Run(["cp", "-r", Path.GetDirectoryName(Binaries.PortableClient)!, folder]).ExitCode);
        string[] libraries = Directory.GetFiles(folder, "libsodium*", SearchOption.AllDirectories);
        Assert.NotEmpty(libraries);
        foreach (string library in libraries)
            File.Delete(library);
        string[] ofTheSystem = Command.Run(["/sbin/ldconfig", "-p"]).Output.Split('\n').Where(line => line.Contains("libsodium.so ", StringComparison.Ordinal)).ToArray();
        Assert.SkipUnless(ofTheSystem.Length == 0, $"needs a system without libsodium's development package: {string.Join(';', ofTheSystem)}");
        return Path.Combine(folder, "qwamosctl.dll");
    }
}
