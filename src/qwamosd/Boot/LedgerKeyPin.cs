using System.Security.Cryptography;
using System.Text;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// Which key the ledger's checkpoints are to be by. The first one seen is pinned; from there on only the operator's signed word puts another one
/// in its place. Whoever has qwamosd's account can begin a ledger's life anew with a key of their own, and the boot says so (ATTACKS 37).
/// </summary>
internal sealed class LedgerKeyPin(SystemPaths paths, BootGrounds grounds, BootFolder folder, BootReport report, long nowSeconds)
{
    private const int NameDigits = 16;
    private const int Format = 1;

    private PinnedKey? Pinned => grounds.Memory.LedgerKey;

    /// <summary>The key to remember. Throws <see cref="LedgerIntegrityException"/> with the mend when the checkpoint is by another one; it is kept as evidence.</summary>
    /// <param name="kept">The newest checkpoint, which the ledger extends; null when qwamosd keeps none.</param>
    /// <param name="recorded">The newest statement about the ledger's key in the ledger; nothing of it is believed yet.</param>
    public PinnedKey? Judge(KeptCheckpoint? kept, LedgerKeyStatement? recorded)
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
        report.Say($"the ledger's key is {key}: pinned, not signed; vouch for it: qwamosctl audit key --sign");
        return Pinned ?? new PinnedKey(key, null);
    }

    /// <summary>A statement counts under the anchor only, and none older than the one that an earlier boot went by, which somebody could bring back.</summary>
    private LedgerKeyStatement? Believed(LedgerKeyStatement? statement, string system) =>
        statement is not null && statement.SystemId == system && statement.IsSignedBy(grounds.Anchor)
        && statement.TimestampSeconds <= nowSeconds + Limits.FreshnessWindowSeconds
        && statement.TimestampSeconds >= (Pinned?.SignedSeconds ?? 0)
            ? statement
            : null;

    private LedgerIntegrityException Another(KeptCheckpoint kept, string why)
    {
        string evidence;
        try
        {
            var identity = SHA256.HashData(Encoding.UTF8.GetBytes($"{Pinned?.Key}\n{kept.Key}"));
            evidence = folder.KeepEvidence($"ledger-key-{Convert.ToHexStringLower(identity)[..NameDigits]}.json", Evidence(kept, why)) is { } path
                ? $"The checkpoint is kept in {path}."
                : $"{paths.BootEvidenceDir} is full: the checkpoint is not kept.";
        }
        catch (IOException e)
        {
            evidence = $"The checkpoint cannot be kept as evidence: {e.Message}.";
        }
        return new LedgerIntegrityException(
            $"Its checkpoint is by the key {kept.Key}, and {why}. {evidence} When you made that key anew yourself, vouch for it, qwamosctl audit key --sign, and reboot; "
            + "else somebody put another ledger's key there: see docs/troubleshooting.md.");
    }

    private byte[] Evidence(KeptCheckpoint kept, string why) => JsonText.Line(JsonValue.Object(
    [
        ("format", JsonValue.Of(Format)),
        ("kind", JsonValue.Of("ledger-key")),
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
