using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Ledger;

// A million of them may be held, so what counts is room: 30 bytes a nonce, and 4 to 11 in a table of open addressing with linear probing
// that holds their numbers and is three eighths to three quarters full. Both are chunks that stay where they are: growing leaves nothing behind.

/// <summary>A set of nonces, each with the entry that has it. Not safe for use from several threads.</summary>
internal sealed class NonceTable
{
    private const int ChunkBits = 12;
    private const int ChunkNonces = 1 << ChunkBits;
    private const ushort Removed = ushort.MaxValue;

    private readonly List<Held[]> _chunks = [];
    private readonly ulong _highSecret = Secret();
    private readonly ulong _lowSecret = Secret();
    // A number and one; 0 is an empty slot. As many chunks as a power of two.
    private readonly List<int[]> _slots = [new int[ChunkNonces]];
    private int _slotMask = ChunkNonces - 1;
    private int _used;
    private int _free = -1;

    /// <summary>Keys that a nonce may have are below this.</summary>
    public const int MaxKeys = Removed;

    /// <summary>Nonces in the set.</summary>
    public int Count { get; private set; }

    /// <summary>The entry that has a nonce; null when it is not in the set.</summary>
    public long? Find(Nonce nonce) => Probe(HighOf(nonce), LowOf(nonce), out var slot) ? At(Slot(slot) - 1).Index : null;

    /// <summary>Adds a nonce; false when it is there.</summary>
    /// <param name="nonce">The message's.</param>
    /// <param name="index">Its entry.</param>
    /// <param name="timestampSeconds">The message's; one beyond 32 bits is held as the nearest.</param>
    /// <param name="key">Whose it is.</param>
    public bool TryAdd(Nonce nonce, long index, long timestampSeconds, int key)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(key, MaxKeys);
        var (high, low) = (HighOf(nonce), LowOf(nonce));
        if (Probe(high, low, out var slot))
            return false;
        if (Count > _slotMask / 4 * 3)
        {
            Grow();
            Probe(high, low, out slot);
        }
        var number = TakeNumber();
        At(number) = new Held
        {
            High = high,
            Low = low,
            Index = index,
            Timestamp = (uint)Math.Clamp(timestampSeconds, 0, uint.MaxValue),
            Key = (ushort)key,
        };
        Slot(slot) = number + 1;
        Count++;
        return true;
    }

    /// <summary>Removes a nonce and gives its key; null when it is not there.</summary>
    public int? Remove(Nonce nonce) => Probe(HighOf(nonce), LowOf(nonce), out var slot) ? Remove(slot) : null;

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
                Probe(held.High, held.Low, out var slot);
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
    private bool Probe(ulong high, ulong low, out int slot)
    {
        slot = Home(high, low);
        for (int number; (number = Slot(slot)) != 0; slot = Next(slot))
        {
            ref var held = ref At(number - 1);
            if (held.High == high && held.Low == low)
                return true;
        }
        return false;
    }

    private int Remove(int slot)
    {
        var number = Slot(slot) - 1;
        ref var held = ref At(number);
        var key = held.Key;
        held.Key = Removed;
        held.Index = _free;
        _free = number;
        Count--;
        // Those after it that could stand in its place move there, so that no probe ends too early.
        var hole = slot;
        for (var next = Next(slot); Slot(next) != 0; next = Next(next))
        {
            ref var moving = ref At(Slot(next) - 1);
            var home = Home(moving.High, moving.Low);
            if (Distance(home, next) < Distance(hole, next))
                continue;
            Slot(hole) = Slot(next);
            hole = next;
        }
        Slot(hole) = 0;
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
        _slots.ForEach(Array.Clear);
        for (var more = _slots.Count; more > 0; more--)
            _slots.Add(new int[ChunkNonces]);
        _slotMask = (_slots.Count << ChunkBits) - 1;
        for (var number = 0; number < _used; number++)
        {
            if (At(number).Key == Removed)
                continue;
            Probe(At(number).High, At(number).Low, out var slot);
            Slot(slot) = number + 1;
        }
    }

    // A signer chooses nonces, and must not be able to choose such as meet in one slot: the product of what the secrets make of both halves.
    // The framework's own hash of a number first folds each half to 32 bits, by a rule that everybody knows.
    private int Home(ulong high, ulong low)
    {
        var upper = Math.BigMul(high ^ _highSecret, low ^ _lowSecret, out var lower);
        return unchecked((int)(upper ^ lower)) & _slotMask;
    }

    private static ulong HighOf(Nonce nonce) => (ulong)(nonce.Value >> 64);

    private static ulong LowOf(Nonce nonce) => unchecked((ulong)nonce.Value);

    private static ulong Secret()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        Primitives.FillRandom(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    private int Next(int slot) => (slot + 1) & _slotMask;

    private int Distance(int from, int to) => (to - from) & _slotMask;

    private ref int Slot(int slot) => ref _slots[slot >> ChunkBits][slot & (ChunkNonces - 1)];

    private ref Held At(int number) => ref _chunks[number >> ChunkBits][number & (ChunkNonces - 1)];

    [StructLayout(LayoutKind.Sequential, Pack = sizeof(ushort))]
    private struct Held
    {
        public ulong High;
        public ulong Low;
        public long Index;
        public uint Timestamp;
        public ushort Key;
    }
}
