using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Checking;

/// <summary>What a check of a ledger found.</summary>
/// <param name="File">The ledger.</param>
/// <param name="Entries">How many it has; null when it is not sound.</param>
/// <param name="RootHash">The root over them, 64 hex digits; null when it is not sound.</param>
/// <param name="RememberedEntries">Entries that the boot remembers and that are these; null when it was not asked.</param>
/// <param name="Reason">Why it is not sound; null when it is.</param>
/// <param name="Entry">The first entry that is wrong, when one can be named.</param>
/// <param name="Signatures">How many hold under the enrolled key.</param>
/// <param name="UncheckedSignatures">How many are of other keys, and were not checked.</param>
/// <param name="Reports">How many words of domains hold, each under the key that was enrolled for the domain then.</param>
/// <param name="NoKey">Why there is no enrolled key to check any with; null when there is one.</param>
internal sealed record FsckResult(string File, long? Entries, string? RootHash, long? RememberedEntries, string? Reason = null, long? Entry = null, long Signatures = 0, long UncheckedSignatures = 0, long Reports = 0, string? NoKey = null)
{
    // Changed bytes there leave every entry what it is; and no hash is over how far the gateways are.
    private const string NotJudged =
        "bytes of the file in which nothing is stored, what stands in its write-ahead log after the last whole transaction, and how far each gateway was served";

    public bool IsSound => Reason is null;

    /// <summary>There is nothing to check, of which nobody should say that it is damaged.</summary>
    public bool IsMissing { get; init; }

    /// <summary>Checks a file, or this system's ledger and what the boot remembers of it. Whatever cannot be checked is not sound.</summary>
    public static FsckResult Of(SystemPaths paths, string? file, Action<long, long>? progress)
    {
        var path = file ?? paths.LedgerFile;
        try
        {
            if (Posix.IsAbsent(path))
                return NotSound(path, file is null ? Missing(paths) : $"there is no file {SafeText.ForTerminal(file)}", null) with { IsMissing = true };
            BootMemory? memory = null;
            string? fault = null;
            if (file is null && !new BootFolder(paths).TryReadMemory(out memory, out fault))
                return NotSound(path, $"what the boot remembers of it cannot be read: {fault}", null);
            // Before the ledger is opened: one that a daemon keeps meanwhile may be newer than what is read here.
            KeptCheckpoint? kept = null;
            if (file is null && !KeptCheckpoint.TryLoad(paths.CheckpointFile, out kept, out fault))
                return NotSound(path, fault, null);
            if (kept is not null && !LedgerKeyFile.TryCheckSame(paths, kept.Key, out fault))
                return NotSound(path, $"{SafeText.ForTerminal(paths.CheckpointFile)} is not to be believed: {fault}", null);
            using var store = LedgerStore.Open(path, LedgerOpenMode.ReadOnly);
            var checker = new LedgerChecker(store)
            {
                Remembered = memory?.RootHash is { } root ? new RememberedTree(memory.TreeSize, root) : null,
                Signers = Anchor.TryLoad(paths, null, out var key, out AnchorFault? noKey) ? [key] : [],
                Progress = progress is null ? null : done => progress(done, store.Size),
            };
            LoadedLedger loaded = checker.Check();
            if (kept?.Fault(store, paths) is { } older)
                return NotSound(path, older, null);
            return new FsckResult(path, loaded.Tree.Size, Convert.ToHexStringLower(loaded.Tree.Root()), memory?.RootHash is null ? null : memory.TreeSize)
            {
                Signatures = checker.Signatures,
                UncheckedSignatures = checker.UncheckedSignatures,
                Reports = checker.Reports,
                NoKey = noKey?.Text,
            };
        }
        catch (LedgerIntegrityException e)
        {
            return NotSound(path, e.Message, e.Index);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return NotSound(path, e.Message, null);
        }
    }

    public string ToText() => IsSound
        ? $"{File} is sound: {Entries} entries, root hash {RootHash}"
            + (RememberedEntries is { } seen ? $"; the first {seen} are those that the last boot saw" : "")
            + $". Signatures: {(NoKey is null ? $"{Signatures} hold under the enrolled key, {UncheckedSignatures} are of other keys and were not checked" : $"none of {UncheckedSignatures} was checked, for there is no key to check them with")}, "
            + (Reports == 0 ? "" : $"{Reports} of domains, of what is in force in them, hold under the keys that were enrolled for them then, ")
            + $"and {Entries - Signatures - UncheckedSignatures - Reports} entries, root's notes, have none. Not judged: {NotJudged}."
            + (NoKey is null ? "" : $" The key: {NoKey}")
        : IsMissing ? Reason!
        : $"{File} is not sound: {Reason}";

    public string ToJson() => JsonText.ToText(
        JsonValue.Object(IsSound
            ?
            [
                ("sound", JsonValue.Of(true)),
                ("file", JsonValue.Of(File)),
                ("entries", JsonValue.Of(Entries!.Value)),
                ("root", JsonValue.Of(RootHash!)),
                ("remembered", RememberedEntries is { } seen ? JsonValue.Of(seen) : JsonValue.Null),
                ("signatures", JsonValue.Of(Signatures)),
                ("unchecked_signatures", JsonValue.Of(UncheckedSignatures)),
                ("domain_signatures", JsonValue.Of(Reports)),
                ("not_judged", JsonValue.Of(NotJudged)),
            ]
            :
            [
                ("sound", JsonValue.Of(false)),
                ("file", JsonValue.Of(File)),
                ("entry", Entry is { } entry ? JsonValue.Of(entry) : JsonValue.Null),
                ("reason", JsonValue.Of(Reason!)),
            ]),
        isIndented: true);

    private static string Missing(SystemPaths paths)
    {
        var path = SafeText.ForTerminal(paths.LedgerFile);
        return !new BootFolder(paths).TryReadMemory(out BootMemory? memory, out _) || memory.RootHash is null
            ? $"there is no ledger {path}: qwamosd makes it at its first start: {ProposedCommand.Start(paths, "qwamosd")}"
            : $"the ledger {path} is gone, and the last boot saw {memory.TreeSize} entries: put a backup back: {ProposedCommand.Of(paths, "qwamosd", "restore FILE")}";
    }

    private static FsckResult NotSound(string path, string reason, long? entry) => new(path, null, null, null, reason, entry);
}
