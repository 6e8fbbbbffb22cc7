using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>What is published of a version, as it is built from the programs under test: judged by the tools of those who receive it.</summary>
public sealed partial class PackageTests
{
    [Fact]
    public void Lintian_HasNoErrorsAndNoWarnings()
    {
        Needs.Tool("lintian");
        CommandResult judged = Command.Run(["lintian", "--fail-on", "error,warning", "--tag-display-limit", "0", .. BuiltRelease.Once().Packages], patience: TimeSpan.FromMinutes(5));
        Assert.True(judged.ExitCode == 0, judged.Output + judged.Error);
        // No tag is silenced either.
        Assert.All(BuiltRelease.Once().Packages, package => Assert.DoesNotContain("lintian/overrides", Contents(package), StringComparison.Ordinal));
    }

    [Fact]
    public void TwoBuildsInTwoFolders_AreOne_BitForBit()
    {
        string[] first = Hashes(BuiltRelease.Once()), second = Hashes(BuiltRelease.Again());
        Assert.Equal(8, first.Length);
        Assert.Equal(first, second);
    }

    [Theory]
    [InlineData("qwamos-dom0", "-rwxr-xr-x ./usr/lib/qwamos-dom0/qwamosd", "lrwxrwxrwx ./usr/bin/qwamosd -> ../lib/qwamos-dom0/qwamosd", "-rw-r--r-- ./etc/qwamos/qwamosd.json",
        "-rw-r--r-- ./etc/qwamos/policy.schema.json", "-rw-r--r-- ./usr/lib/sysusers.d/qwamos-dom0.conf", "-rw-r--r-- ./usr/lib/tmpfiles.d/qwamos.conf", "-rw-r--r-- ./usr/share/man/man8/qwamosd.8.gz",
        "-rw-r--r-- ./usr/share/doc/qwamos-dom0/docs/guide/boot.md.gz")]
    [InlineData("qwamos-gateway", "-rwxr-xr-x ./usr/lib/qwamos-gateway/gateway-policyd", "lrwxrwxrwx ./usr/bin/gateway-policyd -> ../lib/qwamos-gateway/gateway-policyd",
        "-rw-r--r-- ./etc/qwamos/gateway.json", "-rw-r--r-- ./usr/lib/tmpfiles.d/qwamos-gateway.conf", "-rw-r--r-- ./usr/lib/udev/rules.d/60-qwamos-gateway.rules", "-rw-r--r-- ./usr/share/man/man5/hooks.d.5.gz",
        "lrwxrwxrwx ./usr/lib/systemd/system/gateway-policyd@boot.service -> /dev/null")]
    [InlineData("qwamosctl", "-rwxr-xr-x ./usr/lib/qwamosctl/qwamosctl", "lrwxrwxrwx ./usr/bin/qwamosctl -> ../lib/qwamosctl/qwamosctl", "-rw-r--r-- ./usr/share/bash-completion/completions/qwamosctl",
        "-rw-r--r-- ./usr/share/zsh/vendor-completions/_qwamosctl", "-rw-r--r-- ./usr/share/fish/vendor_completions.d/qwamosctl.fish", "-rw-r--r-- ./usr/share/man/man1/qwamosctl.1.gz",
        "-rw-r--r-- ./usr/lib/systemd/user/qwamos-rotate.service", "-rw-r--r-- ./usr/lib/systemd/user/qwamos-rotate.timer")]
    [InlineData("qwamos-link", "-rwxr-xr-x ./usr/lib/qwamos-link/qwamos-link", "lrwxrwxrwx ./usr/bin/qwamos-link -> ../lib/qwamos-link/qwamos-link", "-rw-r--r-- ./usr/lib/sysusers.d/qwamos-link.conf",
        "-rw-r--r-- ./usr/lib/tmpfiles.d/qwamos-link.conf", "-rw-r--r-- ./usr/share/man/man8/qwamos-link.8.gz", "-rw-r--r-- ./usr/share/doc/qwamos-link/docs/guide/links.md.gz")]
    public void APackage_HoldsItsFiles_AllOfRoot_NoneWritableByOthers_NoneWithMoreRights(string name, params string[] expected)
    {
        string contents = Contents(BuiltRelease.Once().Package(name));
        string[] lines = contents.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines, line => Assert.Matches(@"^(d|-)rwxr-xr-x root/root |^-rw-r--r-- root/root |^lrwxrwxrwx root/root ", line));
        Assert.All(expected, file => Assert.Contains(file, lines.Select(line => ModeAndPath().Replace(line, "$1 $2"))));
        // Every unit of the repository is in the package that it is for, and in no other.
        static bool Begins(string unit, params string[] starts) => starts.Any(start => unit.StartsWith(start, StringComparison.Ordinal));
        bool MayBe(string unit) => name == (Begins(unit, "gateway-", "qwamos-gateway-", "qwamos-hook") ? "qwamos-gateway" : Begins(unit, "qwamos-link-") ? "qwamos-link" : "qwamos-dom0");
        string[] units = [.. Directory.EnumerateFiles(Path.Combine(Binaries.Repository, "packaging", "systemd")).Select(path => Path.GetFileName(path)!)];
        Assert.All(units, unit => Assert.Equal(MayBe(unit), contents.Contains("/systemd/system/" + unit, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("qwamos-dom0", "/etc/qwamos/policy.schema.json\n/etc/qwamos/qwamosd.json\n")]
    [InlineData("qwamos-gateway", "/etc/qwamos/gateway.json\n")]
    public void Configuration_IsTheAdministrators(string name, string conffiles) =>
        Assert.Equal(conffiles, Command.Run(["dpkg-deb", "-I", BuiltRelease.Once().Package(name), "conffiles"]).Output);

    [Fact]
    public void Dependencies_AreThoseOfTheProgramsAndOfNothingElse()
    {
        foreach (string package in BuiltRelease.Once().Packages)
        {
            string depends = Command.Run(["dpkg-deb", "-f", package, "Depends"]).Output;
            Assert.Matches(@"\blibc6 \(>= 2\.\d+\)", depends);
            Assert.Contains("libssl3 | libssl3t64", depends);
            Assert.DoesNotContain("sodium", depends);
        }
        Assert.Matches(@"\bqwamosctl \(= 0", Command.Run(["dpkg-deb", "-f", BuiltRelease.Once().Package("qwamos-dom0"), "Depends"]).Output);
    }

    [Fact]
    public void Checksums_AndTheirSignature_AreCheckedByTheUsualTools()
    {
        BuiltRelease release = BuiltRelease.Once();
        string sums = Path.Combine(release.Folder, "SHA256SUMS");
        Assert.Equal(0, Command.Run(["/bin/sh", "-c", "cd \"$1\" && sha256sum --check --strict --quiet SHA256SUMS", "sh", release.Folder]).ExitCode);
        Assert.Equal(
            Directory.EnumerateFiles(release.Folder).Select(path => Path.GetFileName(path)!).Where(name => !name.StartsWith("SHA256SUMS", StringComparison.Ordinal)).Order(StringComparer.Ordinal),
            File.ReadLines(sums).Select(line => line[66..]).Order(StringComparer.Ordinal));
        Assert.Equal(0, Command.Run(["minisign", "-V", "-p", release.PublicKey, "-m", sums]).ExitCode);

        using ScratchFolder scratch = new();
        string changed = Path.Combine(scratch.Path, "SHA256SUMS");
        File.WriteAllText(changed, File.ReadAllText(sums).Replace('a', 'b'));
        File.Copy(sums + ".minisig", changed + ".minisig");
        Assert.NotEqual(0, Command.Run(["minisign", "-V", "-p", release.PublicKey, "-m", changed]).ExitCode);
    }

    [Fact]
    public void TheBillOfMaterials_NamesEveryPackageOfTheLockFiles_AndRefersOnlyToWhatItNames()
    {
        using JsonDocument bill = JsonDocument.Parse(File.ReadAllText(Directory.EnumerateFiles(BuiltRelease.Once().Folder, "*.cdx.json").Single()));
        JsonElement root = bill.RootElement;
        Assert.Equal("CycloneDX", root.GetProperty("bomFormat").GetString());
        var named = root.GetProperty("components").EnumerateArray().Select(component => component.GetProperty("bom-ref").GetString()!).ToHashSet();
        foreach (string folder in (string[])["qwamosd", "qwamosctl", "gateway-policyd", "qwamos-link"])
        {
            using JsonDocument locks = JsonDocument.Parse(File.ReadAllText(Path.Combine(Binaries.Repository, "src", folder, "packages.lock.json")));
            foreach (JsonProperty package in locks.RootElement.GetProperty("dependencies").GetProperty("net10.0").EnumerateObject())
            {
                bool ships = package.Value.TryGetProperty("contentHash", out _) && package.Name is not ("Microsoft.CodeAnalysis.BannedApiAnalyzers" or "Microsoft.NET.ILLink.Tasks");
                if (ships)
                    Assert.Contains($"pkg:nuget/{package.Name}@{package.Value.GetProperty("resolved").GetString()}", named);
            }
        }
        Assert.All(root.GetProperty("components").EnumerateArray().Where(component => component.GetProperty("type").GetString() == "library"), library => Assert.NotEmpty(library.GetProperty("licenses").EnumerateArray()));
        named.Add("qwamos");
        Assert.All(root.GetProperty("dependencies").EnumerateArray(), dependency =>
        {
            Assert.Contains(dependency.GetProperty("ref").GetString()!, named);
            Assert.All(dependency.GetProperty("dependsOn").EnumerateArray(), on => Assert.Contains(on.GetString()!, named));
        });
    }

    [Theory]
    [InlineData("dom0", "qwamosd", "qwamosctl")]
    [InlineData("gateway", "gateway-policyd")]
    [InlineData("client", "qwamosctl")]
    [InlineData("link", "qwamos-link")]
    public void TheTarball_InstallsProgramsThatRun_KeepsConfiguration_AndRemovesWhatItInstalled(string part, params string[] programs)
    {
        using ScratchFolder scratch = new();
        Assert.Equal(0, Command.Run(["tar", "-xzf", BuiltRelease.Once().Tarball, "-C", scratch.Path]).ExitCode);
        string install = Path.Combine(Directory.EnumerateDirectories(scratch.Path).Single(), "install.sh");
        string root = Path.Combine(scratch.Path, "root");
        Succeeds([install, part, "--destdir", root]);
        Assert.All(programs, program => Succeeds([$"{root}/usr/local/bin/{program}", "--version"]));
        Assert.All(Directory.Exists($"{root}/etc/systemd/system") ? Directory.EnumerateFiles($"{root}/etc/systemd/system", "*.service").Where(unit => new FileInfo(unit).LinkTarget is null) : [], unit =>
            Assert.Matches(@"^ExecStart=/usr/local/bin/", File.ReadLines(unit).Single(line => line.StartsWith("ExecStart=", StringComparison.Ordinal))));
        if (part == "gateway")
            Assert.Equal("/dev/null", new FileInfo($"{root}/etc/systemd/system/gateway-policyd@boot.service").LinkTarget);
        string[] configuration = Directory.Exists($"{root}/etc/qwamos") ? Directory.GetFiles($"{root}/etc/qwamos") : [];
        foreach (string file in configuration)
            File.WriteAllText(file, "mine");

        Succeeds([install, part, "--destdir", root]);
        Assert.All(configuration, file => Assert.Equal("mine", File.ReadAllText(file)));

        Succeeds([install, "remove", "--destdir", root]);
        Assert.Equal(configuration.Order(StringComparer.Ordinal), Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void ThePortableTarball_StartsItsClient_ThroughALinkToo()
    {
        Needs.Tool("dotnet");
        using ScratchFolder scratch = new();
        Succeeds(["tar", "-xzf", BuiltRelease.Once().PortableTarball, "-C", scratch.Path]);
        string folder = Directory.EnumerateDirectories(scratch.Path).Single(), link = Path.Combine(scratch.Path, "qwamosctl");
        File.CreateSymbolicLink(link, Path.Combine(folder, "qwamosctl"));
        Succeeds([link, "--home", Path.Combine(scratch.Path, "home"), "--root", Path.Combine(scratch.Path, "root"), "key", "show"]);
        // What is in it for other systems' libraries, and nothing that only another kind of system could load.
        string[] runtimes = [.. Directory.EnumerateDirectories(Path.Combine(folder, "lib", "runtimes")).Select(path => Path.GetFileName(path)!)];
        Assert.All(["linux-x64", "linux-arm64", "linux-musl-x64", "linux-musl-arm64"], expected => Assert.Contains(expected, runtimes));
        Assert.All(runtimes, runtime => Assert.StartsWith("linux", runtime));
    }

    private static void Succeeds(string[] command)
    {
        CommandResult result = Command.Run(command);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', command)}: {result.Output}{result.Error}");
    }

    private static string Contents(string package) => Command.Run(["dpkg-deb", "-c", package]).Output;

    private static string[] Hashes(BuiltRelease release) =>
    [
        .. from path in Directory.EnumerateFiles(release.Folder).Order(StringComparer.Ordinal)
           where !path.EndsWith(".minisig", StringComparison.Ordinal)
           select Path.GetFileName(path) + " " + Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path))),
    ];

    [GeneratedRegex(@"^(\S{10}) root/root +\d+ \S+ \S+ (.*)$")]
    private static partial Regex ModeAndPath();
}
