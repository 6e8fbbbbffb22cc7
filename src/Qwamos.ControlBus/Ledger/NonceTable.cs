using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Ledger;

// A million of them are held for hours, so what counts is room: 30 bytes a nonce, in chunks that never move, and a table of open addressing
// with linear probing that holds their numbers, between a third and three quarters full: 4 to 11 bytes more.

/// <summary>A set of nonces, each with the entry that has it. Not safe for use from several threads.</summary>
internal sealed class NonceTable
{
    private const int ChunkBits = 12;
    private const int ChunkNonces = 1 << ChunkBits;
    private const int InitialSlots = 256;
    private const ushort Removed = ushort.MaxValue;

    private readonly List<Held[]> _chunks = [];
    private readonly ulong _highSecret = Secret();
    private readonly ulong _lowSecret = Secret();
    // A number and one; 0 is an empty slot.
    private int[] _slots = new int[InitialSlots];
    private int _used;
    private int _free = -1;

    /// <summary>Keys that a nonce may have are below this.</summary>
    public const int MaxKeys = Removed;

    /// <summary>Nonces in the set.</summary>
    public int Count { get; private set; }

    /// <summary>The entry that has a nonce; null when it is not in the set.</summary>
    public long? Find(Nonce nonce) => Probe(nonce, out var slot) ? At(_slots[slot] - 1).Index : null;

    /// <summary>Adds a nonce; false when it is there.</summary>
    /// <param name="nonce">The message's.</param>
    /// <param name="index">Its entry.</param>
    /// <param name="timestampSeconds">The message's; one beyond 32 bits is held as the nearest.</param>
    /// <param name="key">Whose it is.</param>
    public bool TryAdd(Nonce nonce, long index, long timestampSeconds, int key)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(key, MaxKeys);
        if (Probe(nonce, out var slot))
            return false;
        if (Count >= _slots.Length / 4 * 3)
        {
            Grow();
            Probe(nonce, out slot);
        }
        var number = TakeNumber();
        At(number) = new Held
        {
            High = HighOf(nonce),
            Low = LowOf(nonce),
            Index = index,
            Timestamp = (uint)Math.Clamp(timestampSeconds, 0, uint.MaxValue),
            Key = (ushort)key,
        };
        _slots[slot] = number + 1;
        Count++;
        return true;
    }

    /// <summary>Removes a nonce and gives its key; null when it is not there.</summary>
    public int? Remove(Nonce nonce) => Probe(nonce, out var slot) ? Remove(slot) : null;

    /// <summary>Removes those of an older timestamp than <paramref name="fromSeconds"/> whose entries are below <paramref name="below"/>; tells the key of each. Gives the oldest timestamp left.</summary>
    public long RemoveOlder(long fromSeconds, long below, Action<int> removed)
    {
        var oldest = long.MaxValue;
        for (var number = 0; number < _used; number++)
        {
            ref var held = ref At(number);
            if (held.Key == Removed)
                continue;
            if (held.Timestamp < fromSeconds && held.Index < below)
            {
                Probe(held.Nonce, out var slot);
                removed(Remove(slot));
            }
            else
            {
                oldest = Math.Min(oldest, held.Timestamp);
            }
        }
        return oldest;
    }

    /// <summary>True with the slot of a nonce; false with the empty one that it would take.</summary>
    private bool Probe(Nonce nonce, out int slot)
    {
        for (slot = Home(nonce); _slots[slot] != 0; slot = Next(slot))
        {
            if (At(_slots[slot] - 1).Nonce == nonce)
                return true;
        }
        return false;
    }

    private int Remove(int slot)
    {
        var number = _slots[slot] - 1;
        ref var held = ref At(number);
        var key = held.Key;
        held.Key = Removed;
        held.Index = _free;
        _free = number;
        Count--;
        // Those after it that could stand in its place move there, so that no probe ends too early.
        var hole = slot;
        for (var next = Next(slot); _slots[next] != 0; next = Next(next))
        {
            var home = Home(At(_slots[next] - 1).Nonce);
            if (Distance(home, next) < Distance(hole, next))
                continue;
            _slots[hole] = _slots[next];
            hole = next;
        }
        _slots[hole] = 0;
        return key;
    }

    private int TakeNumber()
    {
        if (_free >= 0)
        {
            var number = _free;
            _free = (int)At(number).Index;
            return number;
        }
        if (_used == _chunks.Count << ChunkBits)
            _chunks.Add(new Held[ChunkNonces]);
        return _used++;
    }

    private void Grow()
    {
        var old = _slots;
        _slots = new int[old.Length * 2];
        foreach (var number in old)
        {
            if (number == 0)
                continue;
            Probe(At(number - 1).Nonce, out var slot);
            _slots[slot] = number;
        }
    }

    // A signer chooses nonces, and must not be able to choose such as meet in one slot: the product of what the secrets make of both halves.
    // The framework's own hash of a number first folds each half to 32 bits, by a rule that everybody knows.
    private int Home(Nonce nonce)
    {
        var high = Math.BigMul(HighOf(nonce) ^ _highSecret, LowOf(nonce) ^ _lowSecret, out var low);
        return unchecked((int)(high ^ low)) & (_slots.Length - 1);
    }

    private static ulong HighOf(Nonce nonce) => (ulong)(nonce.Value >> 64);

    private static ulong LowOf(Nonce nonce) => unchecked((ulong)nonce.Value);

    private static ulong Secret()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        Primitives.FillRandom(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    private int Next(int slot) => (slot + 1) & (_slots.Length - 1);

    private int Distance(int from, int to) => (to - from) & (_slots.Length - 1);

    private ref Held At(int number) => ref _chunks[number >> ChunkBits][number & (ChunkNonces - 1)];

    [StructLayout(LayoutKind.Sequential, Pack = sizeof(ushort))]
    private struct Held
    {
        public ulong High;
        public ulong Low;
        public long Index;
        public uint Timestamp;
        public ushort Key;

        public readonly Nonce Nonce => new(new UInt128(High, Low));
    }
}
