using Xunit;

namespace Qwamos.SystemTests.Harness;

/// <summary>
/// What `packaging/build-release` makes of the programs under test: packages, tarballs, the bill of materials, checksums and a signature. Made
/// once a run, and once more from a copy of the sources in another folder.
/// </summary>
internal sealed class BuiltRelease
{
    /// <summary>The time of the sources, where it is given: 2026-11-25.</summary>
    private const string SourceTime = "1795564800";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    /// <summary>A key without a password, for this run.</summary>
    private static Lazy<string> SigningKey { get; } = new(() =>
    {
        string key = Path.Combine(TemporaryFolder("qw-key-"), "key");
        Assert.Equal(0, Command.Run(["minisign", "-G", "-W", "-f", "-s", key, "-p", key + ".pub"]).ExitCode);
        return key;
    });

    private static readonly Lazy<BuiltRelease> First = new(() => new BuiltRelease(Binaries.Repository, "build-release", Programs, "--minisign-key", SigningKey.Value));

    private static readonly Lazy<BuiltRelease> Second = new(() => new BuiltRelease(CopyOfSources(), "build-release", Programs, "--minisign-key", SigningKey.Value));

    private static readonly Lazy<BuiltRelease> Later = new(() => new BuiltRelease(Binaries.Repository, "build-deb", Programs, "--version", "0.1.1"));

    private static readonly Lazy<BuiltRelease> OfArm64 = new(() => new BuiltRelease(Binaries.Repository, "build-deb", ProgramsOfArm64(), "--arch", "arm64"));

    private BuiltRelease(string sources, string script, string programs, params string[] arguments)
    {
        NeedsTools();
        Folder = TemporaryFolder("qw-release-");
        CommandResult made = Run(sources, script, ["--from", programs, "--out", Folder, .. arguments]);
        Assert.True(made.ExitCode == 0, made.Output + made.Error);
    }

    public string Folder { get; }

    public string PublicKey => SigningKey.Value + ".pub";

    public IEnumerable<string> Packages => Directory.EnumerateFiles(Folder, "*.deb").Order(StringComparer.Ordinal);

    public string Tarball => Directory.EnumerateFiles(Folder, "qwamos-*.tar.gz").Single();

    public string PortableTarball => Directory.EnumerateFiles(Folder, "qwamosctl-*-portable.tar.gz").Single();

    public static BuiltRelease Once() => First.Value;

    /// <summary>The same from a copy of the sources elsewhere, under another user mask, time zone and language.</summary>
    public static BuiltRelease Again() => Second.Value;

    /// <summary>Packages of a later version.</summary>
    public static BuiltRelease Next() => Later.Value;

    /// <summary>Packages for another processor; skips the test where there is no client for it.</summary>
    public static BuiltRelease ForArm64()
    {
        Assert.SkipUnless(File.Exists(Binaries.Arm64Client), "needs a client compiled for arm64, which `./test system` makes as root on amd64");
        Needs.Tool("aarch64-linux-gnu-objdump");
        return OfArm64.Value;
    }

    public string Package(string name) => Packages.Single(path => Path.GetFileName(path).StartsWith(name + "_", StringComparison.Ordinal));

    public static void NeedsTools()
    {
        foreach (string tool in (string[])["dh", "dpkg-shlibdeps", "minisign", "python3"])
            Needs.Tool(tool);
    }

    private static CommandResult Run(string sources, string script, string[] arguments)
    {
        bool elsewhere = sources != Binaries.Repository;
        var environment = new Dictionary<string, string?> { ["SOURCE_DATE_EPOCH"] = SourceTime };
        if (elsewhere)
            (environment["TZ"], environment["LANG"]) = ("Asia/Tokyo", "C.UTF-8");
        string command = $"umask {(elsewhere ? "077" : "022")}; exec \"$@\"";
        return Command.Run(["/bin/sh", "-c", command, "sh", Path.Combine(sources, "packaging", script), .. arguments], environment: environment, patience: Patience);
    }

    private static string Programs => Path.GetDirectoryName(Binaries.Daemon)!;

    /// <summary>The client stands in for the daemons, which take minutes to compile: what packs a program does not look at what it does.</summary>
    private static string ProgramsOfArm64()
    {
        string folder = TemporaryFolder("qw-arm64-"), from = Path.GetDirectoryName(Binaries.Arm64Client)!;
        foreach (string name in (string[])["qwamosd", "gateway-policyd", "qwamosctl", "qwamos-link"])
            File.Copy(Binaries.Arm64Client, Path.Combine(folder, name));
        foreach (string library in Directory.EnumerateFiles(from, "*.so"))
            File.Copy(library, Path.Combine(folder, Path.GetFileName(library)));
        return folder;
    }

    private static string TemporaryFolder(string prefix)
    {
        string folder = Directory.CreateTempSubdirectory(prefix).FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    }

    private static string CopyOfSources()
    {
        string copy = TemporaryFolder("qw-the-sources-elsewhere-");
        string[] needed = ["docs", "packaging", "schemas", "src", "tests/prepare.sh", "CHANGELOG.md", "Directory.Build.props"];
        string copying = "cd \"$1\" && tar -c --exclude=bin --exclude=obj \"${@:3}\" | tar -x -C \"$2\"";
        Assert.Equal(0, Command.Run(["bash", "-c", copying, "bash", Binaries.Repository, copy, .. needed]).ExitCode);
        return copy;
    }
}
