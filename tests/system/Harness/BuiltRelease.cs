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

    private static readonly Lazy<BuiltRelease> First = new(() => new BuiltRelease(Binaries.Repository, null));

    private static readonly Lazy<BuiltRelease> Second = new(() => new BuiltRelease(CopyOfSources(), null));

    private static readonly Lazy<BuiltRelease> Later = new(() => new BuiltRelease(Binaries.Repository, "0.1.1"));

    private BuiltRelease(string sources, string? version)
    {
        NeedsTools();
        Folder = Directory.CreateTempSubdirectory("qw-release-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Folder, recursive: true);
        string programs = Path.GetDirectoryName(Binaries.Daemon)!;
        CommandResult made = version is null
            ? Run(sources, "build-release", ["--from", programs, "--out", Folder, "--minisign-key", SigningKey.Value])
            : Run(sources, "build-deb", ["--from", programs, "--out", Folder, "--version", version]);
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

    public string Package(string name) => Packages.Single(path => Path.GetFileName(path).StartsWith(name + "_", StringComparison.Ordinal));

    public static void NeedsTools()
    {
        foreach (string tool in (string[])["dh", "dpkg-shlibdeps", "minisign", "python3"])
            Needs.Tool(tool);
    }

    /// <summary>A key without a password, for this run.</summary>
    private static Lazy<string> SigningKey { get; } = new(() =>
    {
        string key = Path.Combine(Directory.CreateTempSubdirectory("qw-key-").FullName, "key");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Path.GetDirectoryName(key)!, recursive: true);
        Assert.Equal(0, Command.Run(["minisign", "-G", "-W", "-f", "-s", key, "-p", key + ".pub"]).ExitCode);
        return key;
    });

    private static CommandResult Run(string sources, string script, string[] arguments)
    {
        bool elsewhere = sources != Binaries.Repository;
        var environment = new Dictionary<string, string?> { ["SOURCE_DATE_EPOCH"] = SourceTime };
        if (elsewhere)
            (environment["TZ"], environment["LANG"]) = ("Asia/Tokyo", "C.UTF-8");
        string command = $"umask {(elsewhere ? "077" : "022")}; exec \"$@\"";
        return Command.Run(["/bin/sh", "-c", command, "sh", Path.Combine(sources, "packaging", script), .. arguments], environment: environment, patience: Patience);
    }

    private static string CopyOfSources()
    {
        string copy = Directory.CreateTempSubdirectory("qw-the-sources-elsewhere-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(copy, recursive: true);
        string[] needed = ["packaging", "schemas", "src", "tests/prepare.sh", "CHANGELOG.md", "Directory.Build.props"];
        string copying = "cd \"$1\" && tar -c --exclude=bin --exclude=obj \"${@:3}\" | tar -x -C \"$2\"";
        Assert.Equal(0, Command.Run(["bash", "-c", copying, "bash", Binaries.Repository, copy, .. needed]).ExitCode);
        return copy;
    }
}
