using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Ledger;

// DESIGN section 3, "Replay". Two memories:
//   the ledger's index holds the time and nonce of every message ever recorded, each once, and is asked about whatever the memory here does
//   not surely know: no recorded message is taken a second time, whatever the clock, a restart or the capacity did meanwhile;
//   this one holds the nonces of messages that could be accepted now, those of the batch being decided among them. It answers a resend
//   quickly, finds a nonce that another message used with another time, and is what the capacity counts.
// A message can be accepted while now <= timestamp + 300. Its nonce may leave this memory after that, and only then: a flood ends in
// replay_store_full, not in one that is forgotten. What was recorded before the start is read from the index when the first message comes,
// so that a start takes as long after a busy hour as after a quiet one; so is what a clock that is set back makes acceptable again.

/// <summary>The nonces of messages that could still be accepted. The writer's alone: not safe for use from several threads.</summary>
public sealed class ReplayStore
{
    private readonly LedgerStore? _ledger;
    private readonly NonceTable _nonces = new();
    private readonly Dictionary<KeyId, int> _ordinals = [];
    // How many of each key are held; the first are those read from the ledger, whose keys are not looked up.
    private readonly List<int> _counts = [0];
    private readonly int _capacity;
    private EffectiveTime _time;
    private long _recorded = long.MaxValue;
    private long _oldest = long.MaxValue;
    private long _heldFrom = long.MinValue;
    private long _heldTo = long.MinValue;
    private bool _holdsAll;

    /// <summary>A memory of at most <paramref name="capacity"/> nonces, half of them for one key.</summary>
    /// <param name="ledger">Where every recorded message is found; null for messages that are not recorded.</param>
    /// <param name="capacity">Nonces.</param>
    public ReplayStore(LedgerStore? ledger, int capacity = Limits.ReplayCapacityNonces)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _capacity = capacity;
        _ledger = ledger;
    }

    /// <summary>Nonces in memory.</summary>
    public int Count => _nonces.Count;

    /// <summary>Remembers a nonce that is new; says which entry has it when it is not.</summary>
    /// <param name="nonce">The message's.</param>
    /// <param name="index">The entry that the message is about to become.</param>
    /// <param name="signer">Whose share of the capacity it takes.</param>
    /// <param name="timestamp">The message's, unix seconds.</param>
    public ReplayAnswer TryAdd(Nonce nonce, long index, KeyId signer, long timestamp)
    {
        HoldFresh();
        if (_nonces.Find(nonce) is { } held)
            return new ReplayAnswer(ReplayVerdict.Replayed, held);
        if (FindRecorded(nonce, timestamp) is { } recorded)
            return new ReplayAnswer(ReplayVerdict.Replayed, recorded);
        if (!HasRoom(signer))
        {
            EvictDead();
            if (!HasRoom(signer))
                return new ReplayAnswer(ReplayVerdict.Full, -1);
        }
        Add(nonce, index, signer, timestamp);
        return new ReplayAnswer(ReplayVerdict.Added, index);
    }

    /// <summary>Forgets a nonce that was never recorded: that of a batch which the disk had no room for.</summary>
    public void Forget(Nonce nonce)
    {
        if (_nonces.Remove(nonce) is { } key)
            _counts[key]--;
    }

    /// <summary>Tells the time, so that nonces of messages that are too old to be accepted may go when room is needed.</summary>
    /// <param name="time">What the message was judged by; an earlier one than before is taken as well.</param>
    /// <param name="recorded">Entries in the ledger. The nonces of those from this index on stand nowhere else yet, so that they stay.</param>
    public void SetNow(EffectiveTime time, long recorded)
    {
        _time = time;
        _recorded = recorded;
    }

    private long KeptFrom => _time.Now - Limits.FreshnessWindowSeconds;

    /// <summary>Asks the ledger what this memory does not know: nothing, when it holds every message of that second.</summary>
    private long? FindRecorded(Nonce nonce, long timestamp)
    {
        if (_ledger is null || (_holdsAll && !_time.IsBehind && timestamp >= _heldFrom && timestamp < _heldTo))
            return null;
        return _ledger.Find(new ReplayKey(timestamp, nonce)) ?? (_time.IsBehind ? _ledger.FindNonce(nonce) : null);
    }

    /// <summary>Reads the nonces that the ledger has of the seconds that have become acceptable: those [from, to) that are not held yet.</summary>
    private void HoldFresh()
    {
        var (from, to) = (KeptFrom, _time.Now + Limits.FreshnessWindowSeconds + 1);
        if (from >= _heldTo || to <= _heldFrom)
            (_heldFrom, _heldTo, _holdsAll) = (to, to, true);
        if (from < _heldFrom)
            Hold(from, _heldFrom);
        if (to > _heldTo)
            Hold(_heldTo, to);
        (_heldFrom, _heldTo) = (Math.Min(from, _heldFrom), Math.Max(to, _heldTo));
    }

    private void Hold(long from, long to) => _holdsAll &= _ledger?.TryReadKeys(from, to, Math.Max(0, _capacity - _nonces.Count), (key, index) =>
    {
        if (!_nonces.TryAdd(key.Nonce, index, key.TimestampSeconds, 0))
            return;
        _counts[0]++;
        _oldest = Math.Min(_oldest, key.TimestampSeconds);
    }) ?? true;

    private bool HasRoom(KeyId signer)
    {
        // Half for one key, so that one operator's runaway script cannot keep the others out.
        var mine = _ordinals.TryGetValue(signer, out var key) ? _counts[key] : 0;
        return _nonces.Count < _capacity && mine < Math.Max(1, _capacity / 2);
    }

    private void Add(Nonce nonce, long index, KeyId signer, long timestamp)
    {
        if (!_ordinals.TryGetValue(signer, out var key))
        {
            key = _counts.Count;
            _ordinals.Add(signer, key);
            _counts.Add(0);
        }
        _nonces.TryAdd(nonce, index, timestamp, key);
        _counts[key]++;
        _oldest = Math.Min(_oldest, timestamp);
    }

    // Only when the oldest one is dead, so that a full store does not look through itself for every refused message.
    private void EvictDead()
    {
        if (_oldest >= KeptFrom)
            return;
        _heldFrom = Math.Max(_heldFrom, KeptFrom);
        _oldest = _nonces.RemoveOlder(KeptFrom, _recorded, key => _counts[key]--);
    }
}
