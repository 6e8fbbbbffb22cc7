namespace Qwamos.SystemTests.Harness;

/// <summary>The published programs under test: <c>out/bin</c> of the repository, or <c>QWAMOS_BIN</c>.</summary>
internal static class Binaries
{
    public static string Daemon => Find("qwamosd");

    public static string Client => Find("qwamosctl");

    public static string Gateway => Find("gateway-policyd");

    public static string Link => Find("qwamos-link");

    /// <summary>The client that the .NET runtime runs.</summary>
    public static string PortableClient => Find("portable/qwamosctl.dll");

    /// <summary>The client for another processor; made only where its compiler is.</summary>
    public static string Arm64Client => Path.Combine(Repository, "out", "arm64", "qwamosctl");

    /// <summary>The repository's top folder, found by its solution file.</summary>
    public static string Repository { get; } = FindRepository();

    private static string Find(string name)
    {
        string folder = Environment.GetEnvironmentVariable("QWAMOS_BIN") ?? Path.Combine(Repository, "out", "bin");
        string path = Path.Combine(folder, name);
        return File.Exists(path)
            ? path
            : throw new FileNotFoundException($"{path} is missing: './test system' publishes the programs first.");
    }

    private static string FindRepository()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Qwamos.slnx")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new DirectoryNotFoundException("No Qwamos.slnx above the test program.");
    }
}
