namespace Qwamos.Daemon.Boot;

/// <summary>
/// For each policy key the newest accepted message that named it, among the entries that the boot walked. The boot walks them itself: the
/// ledger's own snapshot is in reach of qwamosd's account, which could bring back an older change with it (ATTACK 13).
/// </summary>
internal sealed class NewestChanges
{
    private readonly Dictionary<string, (long Timestamp, long Index)> newest = new(StringComparer.Ordinal);

    /// <summary>Each key's newest: the timestamp in unix seconds, and the entry.</summary>
    public IEnumerable<(string Key, long Timestamp, long Index)> All => newest.Select(pair => (pair.Key, pair.Value.Timestamp, pair.Value.Index));

    /// <summary>Takes in one accepted change. Of equal timestamps the later entry counts, as it does for the daemon.</summary>
    public void Add(IEnumerable<string> keys, long timestamp, long index)
    {
        foreach (var key in keys)
        {
            if (!newest.TryGetValue(key, out var known) || known.Timestamp <= timestamp)
                newest[key] = (timestamp, index);
        }
    }

    /// <summary>Root lowered the time floor: nothing before counts as later than this second.</summary>
    public void LowerTo(long seconds)
    {
        foreach (var (key, known) in newest)
            newest[key] = (Math.Min(known.Timestamp, seconds), known.Index);
    }

    /// <summary>The newest entry that named the key; null when none did.</summary>
    public (long Timestamp, long Index)? Of(string key) => newest.TryGetValue(key, out var known) ? known : null;
}
