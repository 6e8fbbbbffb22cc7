using System.Globalization;
using Qwamos.ControlBus.Files;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// Copies of the status as it was before a boot applied something: `status.json.SECONDS`. They are rendered from the ledger, which was
/// checked, and not copied from status.json, which qwamosd's account can write.
/// </summary>
internal sealed class StatusBackup(string folder, UnixFileMode mode, uint? gid)
{
    private const int MaxBackups = 10;
    private const string Prefix = "status.json.";

    /// <summary>Writes a backup durably and removes the oldest above ten. Throws <see cref="IOException"/>.</summary>
    public void Keep(ReadOnlySpan<byte> status, long nowSeconds)
    {
        DurableFile.Replace(PathOf(nowSeconds), status, mode, gid);
        // A clock set back must not make the backup just written the oldest.
        foreach (var old in Kept().Where(seconds => seconds != nowSeconds).OrderDescending().Skip(MaxBackups - 1).ToList())
            DurableFile.Remove(PathOf(old));
    }

    private IEnumerable<long> Kept() =>
        from path in Directory.EnumerateFiles(folder, Prefix + "*")
        let digits = Path.GetFileName(path)[Prefix.Length..]
        where long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out _)
        let seconds = long.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture)
        where PathOf(seconds) == path
        select seconds;

    private string PathOf(long seconds) => Path.Combine(folder, Prefix + seconds.ToString(CultureInfo.InvariantCulture));
}
