using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Ledger;

// DESIGN section 3, "Replay". Two memories:
//   the ledger's nonce index holds every nonce ever recorded and is asked about each one that is not in memory here, so that no clock,
//   restart or reuse of an old nonce matters;
//   this one holds the nonces of messages that could be accepted now, those of the batch being decided among them. It is what makes
//   the answer about a resend quick, and what the capacity counts.
// A message can be accepted while now <= timestamp + 300. Its nonce may leave this memory after that, and only then: a flood ends in
// replay_store_full, not in one that is forgotten. When the clock is set back later, the index answers; so it does after a restart, and
// this memory starts empty, however much was recorded in the last minutes.

/// <summary>The nonces of messages that could still be accepted. The writer's alone: not safe for use from several threads.</summary>
public sealed class ReplayStore
{
    private readonly Func<Nonce, long?> _findRecorded;
    private readonly Dictionary<Nonce, Remembered> _nonces = [];
    private readonly Dictionary<KeyId, ushort> _ordinals = [];
    private readonly List<int> _counts = [];
    private readonly int _capacity;
    private long _keptFrom = long.MinValue;
    private long _recorded = long.MaxValue;
    private long _oldest = long.MaxValue;

    /// <summary>A memory of at most <paramref name="capacity"/> nonces, half of them for one key.</summary>
    /// <param name="findRecorded">The ledger's index: <see cref="LedgerStore.FindNonce"/>.</param>
    /// <param name="capacity">Nonces.</param>
    public ReplayStore(Func<Nonce, long?> findRecorded, int capacity = Limits.ReplayCapacityNonces)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _capacity = capacity;
        _findRecorded = findRecorded;
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
        if (_nonces.TryGetValue(nonce, out var known))
            return new ReplayAnswer(ReplayVerdict.Replayed, known.Index);
        if (_findRecorded(nonce) is { } recorded)
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
        if (_nonces.Remove(nonce, out var known))
            _counts[known.Key]--;
    }

    /// <summary>Tells the time, so that nonces of messages that are too old to be accepted may go when room is needed.</summary>
    /// <param name="nowSeconds">The effective time, unix seconds; an earlier one than before is taken as well.</param>
    /// <param name="recorded">Entries in the ledger. The nonces of those from this index on stand nowhere else yet, so that they stay.</param>
    public void SetNow(long nowSeconds, long recorded)
    {
        _keptFrom = nowSeconds - Limits.FreshnessWindowSeconds;
        _recorded = recorded;
    }

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
            key = checked((ushort)_counts.Count);
            _ordinals.Add(signer, key);
            _counts.Add(0);
        }
        _nonces.Add(nonce, new Remembered(index, Clamp(timestamp), key));
        _counts[key]++;
        _oldest = Math.Min(_oldest, timestamp);
    }

    // Only when the oldest one is dead, so that a full store does not look through itself for every refused message.
    private void EvictDead()
    {
        if (_oldest >= _keptFrom)
            return;
        _oldest = long.MaxValue;
        foreach (var (nonce, known) in _nonces)
        {
            if (known.Timestamp >= _keptFrom || known.Index >= _recorded)
            {
                _oldest = Math.Min(_oldest, known.Timestamp);
                continue;
            }
            _nonces.Remove(nonce);
            _counts[known.Key]--;
        }
    }

    private static uint Clamp(long timestamp) => (uint)Math.Clamp(timestamp, 0, uint.MaxValue);

    // 16 bytes: with its nonce, hash and links a nonce costs about 52.
    private readonly record struct Remembered(long Index, uint Timestamp, ushort Key);
}
