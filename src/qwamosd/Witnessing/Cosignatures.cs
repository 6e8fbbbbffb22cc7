using Qwamos.ControlBus.Audit;

namespace Qwamos.Daemon.Witnessing;

/// <summary>The witnesses' lines for the newest trees, one of each gateway for each tree. In memory only: a witness gives its line again. Thread-safe.</summary>
internal sealed class Cosignatures
{
    /// <summary>Trees whose lines are kept: the one being exported is not forgotten when a change comes meanwhile.</summary>
    private const int MaxTrees = 8;

    private readonly Lock _turn = new();
    private readonly SortedDictionary<long, SortedDictionary<string, NoteSignature>> _bySize = [];

    /// <summary>Adds a line that was verified, in place of the one that this gateway gave for the same tree before.</summary>
    public void Add(long size, string gateway, NoteSignature line)
    {
        lock (_turn)
        {
            if (!_bySize.TryGetValue(size, out SortedDictionary<string, NoteSignature>? lines))
                _bySize[size] = lines = new SortedDictionary<string, NoteSignature>(StringComparer.Ordinal);
            lines[gateway] = line;
            while (_bySize.Count > MaxTrees)
                _bySize.Remove(_bySize.Keys.First());
        }
    }

    /// <summary>The lines for a tree, in the order of the gateways' names.</summary>
    public IReadOnlyList<NoteSignature> Of(long size)
    {
        lock (_turn)
            return _bySize.TryGetValue(size, out SortedDictionary<string, NoteSignature>? lines) ? [.. lines.Values] : [];
    }

    public bool Has(long size, string gateway)
    {
        lock (_turn)
            return _bySize.TryGetValue(size, out SortedDictionary<string, NoteSignature>? lines) && lines.ContainsKey(gateway);
    }
}
