using System.Security.Cryptography;
using System.Text;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// Which key the ledger's checkpoints are to be by. The first one seen is pinned; from there on only the operator's signed word puts another one
/// in its place. Whoever has qwamosd's account can begin a ledger's life anew with a key of their own, and the boot says so (ATTACKS 37).
/// </summary>
internal sealed class LedgerKeyPin(
    SystemPaths paths, BootGrounds grounds, RootHistory roots, Func<long, LedgerEntry?> readEntry, BootFolder folder, BootReport report, long nowSeconds)
{
    private const int NameDigits = 16;
    private const int Format = 1;

    private PinnedKey? Pinned => grounds.Memory.LedgerKey;

    /// <summary>The key to remember. Throws <see cref="LedgerIntegrityException"/> with the mend when the checkpoint is by another one; it is kept as evidence.</summary>
    /// <param name="kept">The newest checkpoint, which the ledger extends; null when qwamosd keeps none.</param>
    /// <param name="recorded">The newest statement about the ledger's key in the ledger; nothing of it is believed yet.</param>
    /// <param name="readAll">The same from all entries, without the ledger's snapshot; asked for only when the statement that an earlier boot went by is missing.</param>
    public PinnedKey? Judge(KeptCheckpoint? kept, RecordedKey? recorded, Func<LedgerKeyStatement?> readAll)
    {
        // Who can put another ledger there can remove its checkpoint, too: that must not be the way around the pin.
        if (kept is null && Pinned is { } expected)
            throw new LedgerIntegrityException($"{paths.CheckpointFile} is not there, and an earlier boot saw the ledger's key {expected.Key}. Start qwamosd, which makes it, and reboot.");
        if (kept is null)
            return null;
        if (grounds.SystemId is not { } system)
        {
            if (Pinned is not null)
                report.Say("the ledger's key is not checked: this system has no ID");
            return Pinned;
        }
        var key = kept.Key.ToString();
        if (kept.Key.Name != Checkpoint.OriginOf(system))
            throw new LedgerIntegrityException($"{paths.CheckpointFile} is of another system's ledger, {kept.Key.Name}. Put this system's ledger, or its {paths.SystemIdFile}, back.");
        if (Believed(recorded, system) is { } word)
        {
            if (word.Key != key) throw Another(kept, $"the operator's statement names {word.Key}");
            if (Pinned?.Key != key || Pinned.SignedSeconds != word.TimestampSeconds)
                report.Say($"the ledger's key is {key}, signed by {word.Signer}{(Pinned is { } before && before.Key != key ? $", in place of {before.Key}" : "")}");
            return new PinnedKey(key, word.TimestampSeconds);
        }
        if (Pinned is { } pinned && pinned.Key != key) throw Another(kept, $"an earlier boot saw {pinned.Key}");
        report.Say($"the ledger's key is {key}: {WhyPinned(kept, recorded, system, readAll)}");
        return Pinned ?? new PinnedKey(key, null);
    }

    /// <summary>
    /// Why it is not signed. An earlier boot saw the statement that it went by in the very entries that the ledger begins with: when the ledger
    /// gives none, or an older one, its snapshot hides what its entries say, unless root's set-time-floor had it forgotten.
    /// </summary>
    private string WhyPinned(KeptCheckpoint kept, RecordedKey? recorded, string system, Func<LedgerKeyStatement?> readAll)
    {
        if (Pinned?.SignedSeconds is not { } seconds) return $"pinned, not signed; vouch for it: {Vouch}";
        if (recorded is not { Statement: var statement } || statement.TimestampSeconds < seconds || statement.SystemId != system)
        {
            return readAll() is { } hidden && hidden.TimestampSeconds >= seconds
                ? throw Hidden(kept, seconds)
                : $"pinned, not signed any more: the statement that an earlier boot went by, signed at {seconds}, was forgotten by set-time-floor; vouch for the key again: {Vouch}";
        }
        return IsWord(recorded)
            ? $"pinned: the operator's statement was signed at {statement.TimestampSeconds}, and this machine's clock says {nowSeconds}: set the clock"
            : roots.Current.IsImplicit
                ? $"pinned: {statement.Signer}, who signed the newest statement, is not enrolled now; vouch for it with the enrolled key: {Vouch}"
                : $"pinned: {statement.Signer}, who signed the newest statement, might not do so then, or is revoked; vouch for it with a key in force: {Vouch}";
    }

    private string Vouch => ProposedCommand.Of(paths, "qwamosctl", "audit key --sign");

    /// <summary>
    /// A statement counts by a key that could give it when it was recorded and is not disowned since, none from the future but the one that an earlier boot went by, and
    /// none older than that one, which somebody could bring back.
    /// </summary>
    private LedgerKeyStatement? Believed(RecordedKey? recorded, string system) =>
        recorded is { Statement: var statement } && statement.SystemId == system && IsWord(recorded)
        && (statement.TimestampSeconds <= nowSeconds + Limits.FreshnessWindowSeconds || Pinned == new PinnedKey(statement.Key, statement.TimestampSeconds))
        && statement.TimestampSeconds >= (Pinned?.SignedSeconds ?? 0)
            ? statement
            : null;

    /// <summary>The snapshot says which entry it is; the entry must hold it: else a key that has left since could be made to have spoken in its time.</summary>
    private bool IsWord(RecordedKey recorded) =>
        roots.IsWord(recorded.Statement, recorded.Index) && readEntry(recorded.Index) is LedgerKeyEntry entry && entry.Statement == recorded.Statement;

    private LedgerIntegrityException Another(KeptCheckpoint kept, string why) => new(
        $"Its checkpoint is by the key {kept.Key}, and {why}. {Keep("ledger-key", $"{Pinned?.Key}\n{kept.Key}", kept, why)} When you made that key anew yourself, vouch for it, {Vouch}, and reboot; "
        + "else somebody put another ledger's key there: see docs/troubleshooting.md.");

    private LedgerIntegrityException Hidden(KeptCheckpoint kept, long seconds)
    {
        var why = $"the operator's statement about the ledger's key, signed at {seconds}, which an earlier boot went by and which stands in its entries, is not what its snapshot says";
        return new LedgerIntegrityException(
            $"Somebody changed it: {why}. {Keep("statement", $"{Pinned?.Key}\n{seconds}", kept, why)} Look at it with {ProposedCommand.Of(paths, "qwamosd", "fsck")}, put your newest backup back, and see docs/troubleshooting.md.");
    }

    /// <summary>Keeps the checkpoint as evidence; gives the sentence about that.</summary>
    private string Keep(string kind, string identity, KeptCheckpoint kept, string why)
    {
        try
        {
            var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity)))[..NameDigits];
            return folder.KeepEvidence($"{kind}-{name}.json", Evidence(kind, kept, why)) is { } path
                ? $"The checkpoint is kept in {path}."
                : $"{paths.BootEvidenceDir} is full: the checkpoint is not kept.";
        }
        catch (IOException e)
        {
            return $"The checkpoint cannot be kept as evidence: {e.Message}.";
        }
    }

    private byte[] Evidence(string kind, KeptCheckpoint kept, string why) => JsonText.Line(JsonValue.Object(
    [
        ("format", JsonValue.Of(Format)),
        ("kind", JsonValue.Of(kind)),
        ("time", JsonValue.Of(nowSeconds)),
        ("reason", JsonValue.Shown(why)),
        ("seen", JsonValue.Object(
        [
            ("key", Pinned is { } pinned ? JsonValue.Of(pinned.Key) : JsonValue.Null),
            ("size", JsonValue.Of(grounds.Memory.TreeSize)),
            ("root_hash", grounds.Memory.RootHash is { } root ? JsonValue.Of(root) : JsonValue.Null),
        ])),
        ("offered", JsonValue.Object([("key", JsonValue.Of(kept.Key.ToString())), ("checkpoint", JsonValue.Of(Encoding.UTF8.GetString(kept.Note.Span)))])),
    ]));
}
