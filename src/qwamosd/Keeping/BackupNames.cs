using System.Globalization;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.Daemon.Keeping;

/// <summary>
/// The backups of one kind in a folder: <c>PREFIX-00000001.db</c> and so on. Their order is that of the numbers: a clock that was set back does not
/// make the newest the oldest.
/// </summary>
internal sealed class BackupNames(string folder, string prefix)
{
    private const string Suffix = ".db";
    private const int MinNumberDigits = 8;
    private const int MaxNumberDigits = 18;

    /// <summary>The number of the next one.</summary>
    public long Next() => Numbers().DefaultIfEmpty(0).Max() + 1;

    public string NameOf(long number) => $"{prefix}-{number.ToString("D8", CultureInfo.InvariantCulture)}{Suffix}";

    /// <summary>Removes all but the newest ones. Throws <see cref="IOException"/>.</summary>
    public void Prune(long newest, int kept)
    {
        foreach (var old in Numbers().Where(number => number != newest).OrderDescending().Skip(kept - 1).ToList())
            DurableFile.Remove(Path.Combine(folder, NameOf(old)));
    }

    /// <summary>Removes what a killed program left of one that it was making. Throws <see cref="IOException"/>.</summary>
    public void RemoveLeftovers()
    {
        if (!Directory.Exists(folder))
            return;
        foreach (var path in Directory.EnumerateFiles(folder, $".{prefix}-*{Suffix}.tmp"))
            OnlineBackup.RemoveLeftover(folder, Path.GetFileName(path)[1..^".tmp".Length]);
    }

    private IEnumerable<long> Numbers() =>
        from path in Directory.Exists(folder) ? Directory.EnumerateFiles(folder, $"{prefix}-*{Suffix}") : []
        let digits = Path.GetFileName(path)[(prefix.Length + 1)..^Suffix.Length]
        where digits.Length is >= MinNumberDigits and <= MaxNumberDigits && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out _)
        select long.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
}
