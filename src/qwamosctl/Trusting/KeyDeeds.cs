using Qwamos.Client.Auditing;
using Qwamos.Client.Changing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Trusting;

/// <summary>
/// What some keys set from a time on, by the ledger, whose every entry is checked against the signed tree: where to disown them, and how to have the values from before
/// back. A confidential value is not in the entries that are shown, and is told of by its key only.
/// </summary>
internal sealed class KeyDeeds
{
    private readonly Dictionary<string, JsonValue> _before = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Deed> _deeds = new(StringComparer.Ordinal);

    private KeyDeeds()
    {
    }

    /// <summary>The first entry that was recorded then or later; the ledger's size where none was.</summary>
    public long FromIndex { get; private set; } = -1;

    /// <summary>When that was; null where there is none yet.</summary>
    public long? FromSeconds { get; private set; }

    /// <summary>Policy keys that were set with these keys since, in their names' order.</summary>
    public IEnumerable<Deed> All => _deeds.Values.OrderBy(deed => deed.Key, StringComparer.Ordinal);

    /// <summary>Reads the whole ledger.</summary>
    public static bool TryRead(Session session, IReadOnlyCollection<KeyId> keys, long sinceSeconds, out KeyDeeds deeds, out Failure failure)
    {
        deeds = new KeyDeeds();
        LedgerReader reader = new(session);
        if (!reader.TryGetCheckpoint(out var signed, out failure))
            return false;
        Progress progress = new(session.Terminal, "reading the ledger");
        MerkleTree tree = new();
        try
        {
            foreach (var leaf in reader.ReadLeaves(0, signed.Checkpoint.Size))
            {
                var index = tree.Size;
                tree.Append(MerkleTree.LeafHash(leaf));
                deeds.Take(index, EntryReader.ReadExported(index, leaf), keys, sinceSeconds);
                progress.Show(tree.Size, signed.Checkpoint.Size);
            }
        }
        catch (SourceException fault)
        {
            failure = fault.Failure;
            return false;
        }
        catch (LedgerIntegrityException fault)
        {
            failure = new Failure(ExitCode.Refused, fault.Message);
            return false;
        }
        finally
        {
            progress.End();
        }
        if (!tree.Root().AsSpan().SequenceEqual(signed.Checkpoint.RootHash.Span))
        {
            failure = new Failure(ExitCode.Refused, "the entries that came are not what the ledger's key signed: do not believe them");
            return false;
        }
        if (deeds.FromIndex < 0)
            deeds.FromIndex = tree.Size;
        return true;
    }

    /// <summary>What has the values from before back: of what nobody else has set since, and is known here.</summary>
    public List<Setting> Restoring(PolicySchema schema)
    {
        List<Setting> settings = [];
        foreach (var deed in All)
        {
            if (!deed.IsSetAgain && !deed.IsHidden && schema.TryGet(deed.Key, out var key) && !key.IsConfidential)
                settings.Add(new Setting(key, deed.Before is { } before && PolicyValue.TryFrom(before, out var value) && key.Admits(value) ? value : key.Default));
        }
        return settings;
    }

    private void Take(long index, LedgerEntry entry, IReadOnlyCollection<KeyId> keys, long sinceSeconds)
    {
        if (FromIndex < 0 && entry.TimeSeconds >= sinceSeconds)
            (FromIndex, FromSeconds) = (index, entry.TimeSeconds);
        if (entry is not RecordedEntry { Outcome: { } outcome } recorded)
            return;
        var isTheirs = FromIndex >= 0 && (entry is MessageEntry message ? message.Signers.Any(keys.Contains) : keys.Contains(recorded.Signer));
        foreach (var name in outcome.Applied.Concat(outcome.Staged).Concat(outcome.Unstaged))
        {
            var value = entry is MessageEntry { Message.Args: { } args } && args.TryGet(name, out var set) ? set : null;
            if (isTheirs)
                _deeds[name] = new Deed(name, index, value, _before.GetValueOrDefault(name), value is null, false);
            else if (FromIndex >= 0 && _deeds.TryGetValue(name, out var deed))
                _deeds[name] = deed with { IsSetAgain = true };
            if (!isTheirs && value is not null)
                _before[name] = value;
        }
    }

    /// <summary>A policy key that was set.</summary>
    /// <param name="Key">Its name.</param>
    /// <param name="Index">The last entry that did.</param>
    /// <param name="Value">To what; null where it is hidden.</param>
    /// <param name="Before">What another key set last before; null where it never was, or is hidden.</param>
    /// <param name="IsHidden">Its value is confidential.</param>
    /// <param name="IsSetAgain">Another key has set it since, which stands.</param>
    internal sealed record Deed(string Key, long Index, JsonValue? Value, JsonValue? Before, bool IsHidden, bool IsSetAgain);
}
