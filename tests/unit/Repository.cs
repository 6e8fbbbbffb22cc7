namespace Qwamos.ControlBus.Tests;

/// <summary>The working tree the tests were built from.</summary>
internal static class Repository
{
    /// <summary>The directory of Qwamos.slnx, found by walking up from the test program.</summary>
    internal static string Root { get; } = Find();

    private static string Find()
    {
        for (var dir = new DirectoryInfo(AppContext.BaseDirectory); dir is not null; dir = dir.Parent)
            if (File.Exists(Path.Combine(dir.FullName, "Qwamos.slnx"))) return dir.FullName;
        throw new InvalidOperationException("the tests run outside their repository: no Qwamos.slnx above " + AppContext.BaseDirectory);
    }
}
