namespace Qwamos.Daemon.Delivery;

/// <summary>Answers that many ask for within a short time: each is fetched once, and the oldest go. One that fails is forgotten. Thread-safe.</summary>
internal sealed class Recent<TKey, TValue>(int capacity)
    where TKey : notnull
{
    private readonly Lock _turn = new();
    private readonly Dictionary<TKey, Task<TValue>> _known = [];
    private readonly Queue<TKey> _order = new();

    public Task<TValue> GetAsync(TKey key, Func<Task<TValue>> fetch)
    {
        lock (_turn)
        {
            if (_known.TryGetValue(key, out Task<TValue>? known) && known is not { IsCompleted: true, IsCompletedSuccessfully: false })
                return known;
            if (known is null)
                _order.Enqueue(key);
            Task<TValue> fetched = fetch();
            _known[key] = fetched;
            while (_order.Count > capacity)
                _known.Remove(_order.Dequeue());
            return fetched;
        }
    }

    public void Clear()
    {
        lock (_turn)
        {
            _known.Clear();
            _order.Clear();
        }
    }
}
