using System.Diagnostics.CodeAnalysis;

namespace Qwamos.Gateway.Enforcing;

/// <summary>
/// What waits to be enforced, in order. Of a key's states only the latest matters, so a new one takes the place of one that waits:
/// the queue is never longer than the schema has keys, and the events beside them are bounded.
/// </summary>
internal sealed class EnforcementQueue
{
    public const int MaxEvents = 64;

    private readonly LinkedList<Enforcement> _waiting = [];
    private readonly Lock _gate = new();
    private int _events;

    /// <summary>Waiting enforcements.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _waiting.Count;
        }
    }

    /// <summary>False when too many events wait.</summary>
    public bool TryAdd(Enforcement enforcement)
    {
        lock (_gate)
        {
            if (enforcement.IsEvent)
            {
                if (_events == MaxEvents)
                    return false;
                _events++;
            }
            else
            {
                RemoveOlderState(enforcement.Key.Name);
            }

            _waiting.AddLast(enforcement);
            return true;
        }
    }

    public bool TryTake([NotNullWhen(true)] out Enforcement? enforcement)
    {
        lock (_gate)
        {
            enforcement = _waiting.First?.Value;
            if (enforcement is null)
                return false;
            _waiting.RemoveFirst();
            if (enforcement.IsEvent)
                _events--;
            return true;
        }
    }

    private void RemoveOlderState(string key)
    {
        for (LinkedListNode<Enforcement>? node = _waiting.First; node is not null; node = node.Next)
        {
            if (node.Value.IsEvent || node.Value.Key.Name != key)
                continue;
            _waiting.Remove(node);
            return;
        }
    }
}
