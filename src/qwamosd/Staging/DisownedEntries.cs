using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Daemon.Staging;

/// <summary>
/// Which changes are disowned by now: signed with a revoked key, from its cut-off on, and the other signers do not suffice. Each is judged once for a version of the trust
/// root, however often anybody asks for the status. Thread-safe.
/// </summary>
internal sealed class DisownedEntries(LedgerStore ledger)
{
    /// <summary>Values in force and staged under a version or two; beyond it all is judged again.</summary>
    private const int MaxRemembered = 512;

    /// <summary>Entries that one look reads at most, so that whoever asks for the status never waits long; the next look goes on.</summary>
    private const int MaxReadEntries = 1_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<(long Index, long Version), string?> _whys = [];
    private readonly Dictionary<(string Key, long Index, long Version), (long Next, bool IsConfirmed)> _confirmed = [];

    /// <summary>Why a change is disowned, as a clause; null where it is not.</summary>
    public string? Why(PolicyState state, long index)
    {
        if (state.Trust.Root is not { Revoked.Count: > 0 } root)
            return null;
        lock (_gate)
        {
            if (_whys.TryGetValue((index, root.Version), out string? known))
                return known;
            if (_whys.Count >= MaxRemembered)
                _whys.Clear();
            return _whys[(index, root.Version)] = ledger.ReadEntry(index) is MessageEntry entry ? Judge(state.Trust, root, index, entry) : null;
        }
    }

    /// <summary>The same of a value in force, for as long as no change that stands has set it to what it is.</summary>
    public string? WhyInForce(PolicyState state, string key, Applied applied)
    {
        if (Why(state, applied.Index) is not { } why)
            return null;
        // To set a key that applies at a boot to what it is changes nothing, so that the value stays that of the earlier entry.
        bool isNamedLater = ledger.ReadEntry(applied.Index) is MessageEntry { Message.Timestamp: { } seconds } && state.LastTimestamps.GetValueOrDefault(key) > seconds;
        lock (_gate)
            return isNamedLater && IsConfirmed(state, key, applied) ? null : why;
    }

    private bool IsConfirmed(PolicyState state, string key, Applied applied)
    {
        (string, long, long) place = (key, applied.Index, state.Trust.Version);
        if (_confirmed.Count >= MaxRemembered)
            _confirmed.Clear();
        (long next, bool isConfirmed) = _confirmed.GetValueOrDefault(place, (applied.Index + 1, false));
        JsonValue value = applied.Value.ToJson();
        foreach (LedgerRow row in isConfirmed ? [] : ledger.ReadFrom(next).Take(MaxReadEntries))
        {
            next = row.Index + 1;
            isConfirmed = ledger.Parse(row) is MessageEntry { IsAccepted: true, Message.Args: { } args } && args.TryGet(key, out JsonValue? set) && set.Equals(value) && Why(state, row.Index) is null;
            if (isConfirmed)
                break;
        }
        _confirmed[place] = (next, isConfirmed);
        return isConfirmed;
    }

    private string? Judge(RecordedTrust trust, TrustRoot root, long index, MessageEntry entry)
    {
        List<KeyId> disowned = [.. entry.Signers.Where(key => root.RevocationOf(key)?.FromIndex <= index)];
        if (disowned.Count == 0)
            return null;
        TrustRoot? then = InForce(trust, index);
        List<string> others = [.. entry.Signers.Except(disowned).Select(key => then?.HolderOf(key)).OfType<string>()];
        return others.Count > 0 && Authority.Refusal(then!, entry.Message, others) is null
            ? null
            : $"signed by {disowned[0]}, which is revoked from entry {root.RevocationOf(disowned[0])!.FromIndex} on";
    }

    /// <summary>The trust root by which an entry was judged; null where there was none.</summary>
    private TrustRoot? InForce(RecordedTrust trust, long index)
    {
        int newer = trust.Entries.AsSpan().BinarySearch(index);
        int at = (newer < 0 ? ~newer : newer) - 1;
        return at < 0 ? null : (ledger.ReadEntry(trust.Entries[at]) as TrustRootEntry)?.Root.Root;
    }
}
