using Qwamos.ControlBus.Files;

namespace Qwamos.Client;

/// <summary>Where a new file or folder is to be made that the user names.</summary>
internal static class OutputPlace
{
    /// <summary>Why nothing can be made there, for the folder that it is to stand in is missing or none; null when there is one.</summary>
    public static Failure? Fault(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var folder = Path.GetDirectoryName(full);
        if (folder is null || Directory.Exists(folder))
            return null;
        return Posix.IsAbsent(folder)
            ? new Failure(ExitCode.Refused, $"there is no folder {folder}", $"Make it first: mkdir -p {SafePath.Quote(folder)}")
            : new Failure(ExitCode.Refused, $"{folder} is not a folder that can be entered", $"Look at it: ls -ld {SafePath.Quote(folder)}");
    }
}
