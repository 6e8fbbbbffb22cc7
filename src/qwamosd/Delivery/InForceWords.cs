using Qwamos.ControlBus.Ledger;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// What domains said of recent changes, by change. Anybody may ask for it: each entry is read once, whoever asks, and only what is said of an older change is
/// looked for in the ledger, in a bounded part of it. Thread-safe.
/// </summary>
/// <param name="read">An entry of the ledger.</param>
internal sealed class InForceWords(Func<long, LedgerEntry?> read)
{
    /// <summary>Newest entries that are remembered, and those after an older change that are looked at.</summary>
    public const int MaxEntries = 8_192;

    /// <summary>Read in one turn.</summary>
    public const int EntriesPerTurn = 64;

    private static readonly Dictionary<string, InForceWord> Nothing = [];

    private readonly Lock _turn = new();
    private readonly Dictionary<long, Dictionary<string, InForceWord>> _byChange = [];
    private readonly Queue<(long Entry, long Change, string Domain)> _order = new();
    private long _from;
    private long _next;

    /// <summary>What is said of a change, by domain; null when another turn is needed.</summary>
    /// <param name="change">The change's entry.</param>
    /// <param name="size">Entries of the ledger.</param>
    /// <param name="older">How far this one has looked, where the change is not remembered.</param>
    public IReadOnlyDictionary<string, InForceWord>? Find(long change, long size, OlderWords older)
    {
        lock (_turn)
        {
            if (!TryCatchUp(size))
                return null;
            if (change >= _from)
                return _byChange.TryGetValue(change, out Dictionary<string, InForceWord>? said) ? new Dictionary<string, InForceWord>(said, StringComparer.Ordinal) : Nothing;
        }
        long end = Math.Min(size, change + MaxEntries);
        for (int count = 0; older.Next < end; older.Next++, count++)
        {
            if (count == EntriesPerTurn)
                return null;
            if (read(older.Next) is InForceEntry { Statement: var statement } && statement.Entry.Index == change)
                older.Said[statement.Domain] = new InForceWord(older.Next, statement.WhyNot);
        }
        return older.Said;
    }

    private bool TryCatchUp(long size)
    {
        if (_next < size - MaxEntries)
        {
            _byChange.Clear();
            _order.Clear();
            _from = _next = size - MaxEntries;
        }
        long end = Math.Min(size, _next + EntriesPerTurn);
        for (; _next < end; _next++)
        {
            if (read(_next) is not InForceEntry { Statement: var statement })
                continue;
            if (!_byChange.TryGetValue(statement.Entry.Index, out Dictionary<string, InForceWord>? said))
                _byChange[statement.Entry.Index] = said = new Dictionary<string, InForceWord>(StringComparer.Ordinal);
            said[statement.Domain] = new InForceWord(_next, statement.WhyNot);
            _order.Enqueue((_next, statement.Entry.Index, statement.Domain));
        }
        _from = Math.Max(_from, _next - MaxEntries);
        while (_order.TryPeek(out var first) && first.Entry < _from)
        {
            _ = _order.Dequeue();
            if (_byChange.TryGetValue(first.Change, out Dictionary<string, InForceWord>? said) && said.GetValueOrDefault(first.Domain)?.Entry == first.Entry && said.Remove(first.Domain) && said.Count == 0)
                _byChange.Remove(first.Change);
        }
        return _next >= size;
    }
}
