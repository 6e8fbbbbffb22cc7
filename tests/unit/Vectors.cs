using Xunit;

namespace Qwamos.ControlBus.Tests;

/// <summary>
/// Finds the published test vectors: in QWAMOS_VECTORS, else beside the repository. They are not part of it, so a test without them is
/// skipped and says so.
/// </summary>
internal static class Vectors
{
    private const string Missing = "(vectors not found)";

    /// <summary>The folder of one family, e.g. "jcs"; skips the test when there is none.</summary>
    internal static string Find(string family)
    {
        var dir = TryFind(family);
        Assert.SkipWhen(dir is null, $"no vectors {family}: set QWAMOS_VECTORS to the folder that holds them");
        return dir;
    }

    /// <summary>File names in a folder, for a theory; one placeholder when there is none, so that the theory is skipped visibly.</summary>
    internal static IEnumerable<string> NamesIn(string folder) => TryFind(folder) is { } dir
        ? Directory.EnumerateFiles(dir).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)
        : [Missing];

    private static string? TryFind(string folder)
    {
        var given = Environment.GetEnvironmentVariable("QWAMOS_VECTORS");
        foreach (var root in (string?[])[given, Path.Combine(Repository.Root, "..", "shared", "vectors")])
        {
            if (string.IsNullOrEmpty(root)) continue;
            var dir = Path.Combine(root, folder);
            if (Directory.Exists(dir)) return dir;
        }
        return null;
    }
}
