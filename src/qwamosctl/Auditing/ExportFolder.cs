namespace Qwamos.Client.Auditing;

/// <summary>Tells somebody who names the wrong thing for an export, a proof or a checkpoint what it is.</summary>
internal static class ExportFolder
{
    /// <summary>Enough of a file to know it by.</summary>
    private const int HeadBytes = 64;

    /// <summary>Whether there is a folder of that name; what is in it is for others to judge.</summary>
    public static bool TryCheck(string directory, out Failure failure)
    {
        failure = null!;
        if (Directory.Exists(directory))
            return true;
        failure = File.Exists(directory)
            ? new Failure(ExitCode.Refused, $"{directory} is a file, and an export is a folder", Mend(Head(directory), directory))
            : new Failure(ExitCode.Refused, $"there is no folder {directory}", "qwamosctl audit export DIR makes an export");
        return false;
    }

    /// <summary>Which command is for a file of this content; null for what is none of ours.</summary>
    public static string? Mend(ReadOnlySpan<byte> content, string name) =>
        content.StartsWith("c2sp.org/tlog-proof@"u8) ? $"It is a proof: qwamosctl audit check-proof {name}"
        : content.StartsWith("SQLite format 3\0"u8) ? $"It is a ledger or a backup of one: qwamosd fsck {name}"
        : content.StartsWith("qwamos/"u8) ? $"It is a checkpoint: qwamosctl audit consistency {name}"
        : null;

    private static byte[] Head(string file)
    {
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 0);
            var head = new byte[HeadBytes];
            return head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
