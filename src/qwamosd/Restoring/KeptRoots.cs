using System.Globalization;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.Daemon.Restoring;

/// <summary>
/// The versions of the trust root that only the replaced ledger has, beside it, each a file that `qwamosctl send` takes. They carry their own signatures: who reads a file verifies them.
/// </summary>
internal static class KeptRoots
{
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Writes them, and gives their paths in the order in which they are to be sent. Can be repeated, and stops no restore: what it cannot do, it says.</summary>
    /// <param name="paths">Where the restored ledger is.</param>
    /// <param name="folder">Where the replaced one is.</param>
    /// <param name="fault">Why not all of them are there; null when they are.</param>
    public static IReadOnlyList<string> Write(SystemPaths paths, string folder, out string? fault)
    {
        fault = null;
        List<string> written = [];
        var replaced = Path.Combine(folder, Path.GetFileName(paths.LedgerFile));
        if (Posix.IsAbsent(replaced))
            return written;
        try
        {
            using var old = LedgerCopy.OpenForBoot(replaced, folder);
            var lost = LedgerFold.Load(old).State.Trust;
            using var store = LedgerStore.Open(paths.LedgerFile, LedgerOpenMode.ReadOnly);
            foreach (var version in TrustLoss.Later(lost, LedgerFold.Load(store).State.Trust))
            {
                var path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"trust-root-{version}.json"));
                var root = old.ReadEntry(lost.Entries[(int)version - 1]) as TrustRootEntry ?? throw new LedgerIntegrityException($"Version {version} is not where the ledger says.");
                DurableFile.Replace(path, JsonText.Line(root.Root.ToJson()), FileMode);
                written.Add(path);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A damaged ledger is what a restore is for.
            fault = e.Message;
        }
        return written;
    }
}
