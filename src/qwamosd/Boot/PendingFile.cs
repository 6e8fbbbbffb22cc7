using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// Compares pending.conf, which people read, with what the ledger stages (ATTACK 28). Nothing of the file is ever applied; a difference
/// is somebody's edit, or a power cut before the file was rewritten.
/// </summary>
internal static class PendingFile
{
    private const int MaxPendingBytes = 65_536;

    /// <summary>One sentence for each difference; none when the file says what the ledger says.</summary>
    /// <param name="path">The file; not there counts as empty.</param>
    /// <param name="expected">The projection of the ledger's staged set.</param>
    /// <param name="isBehind">The projections were written from a shorter ledger: what is missing is still to come.</param>
    public static IReadOnlyList<string> Differences(string path, string expected, bool isBehind)
    {
        string found;
        try
        {
            found = Posix.IsAbsent(path) ? "" : Encoding.UTF8.GetString(DurableFile.ReadAllBounded(path, MaxPendingBytes));
        }
        catch (IOException e)
        {
            return [$"pending.conf cannot be read: {e.Message}"];
        }
        if (found.Length == 0) isBehind = false;
        var said = Lines(found);
        var staged = Lines(expected);
        return
        [
            .. said.Except(staged, StringComparer.Ordinal).Select(line => $"pending.conf says {line}, which is not staged in the ledger: not applied"),
            .. staged.Except(said, StringComparer.Ordinal).Where(_ => !isBehind).Select(line => $"pending.conf does not say {line}, which the ledger stages"),
        ];
    }

    /// <summary>Whether status.json says that it was written from fewer entries.</summary>
    public static bool IsBehind(string statusPath, long size)
    {
        try
        {
            return StrictJson.TryParse(DurableFile.ReadAllBounded(statusPath, MaxPendingBytes), out var status, out _, MaxPendingBytes)
                && status.TryGet("size", out var covered) && covered.TryGetInteger(out var entries) && entries < size;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static List<string> Lines(string text) =>
        [.. text.Split('\n').Where(line => line.Length > 0 && !line.StartsWith('#')).Distinct(StringComparer.Ordinal)];
}
