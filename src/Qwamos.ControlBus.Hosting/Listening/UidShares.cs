using System.Runtime.InteropServices;

namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>
/// What each uid holds of the places for connections and of the memory for unfinished requests, so that one user cannot take all of
/// either (ATTACKS 23).
/// </summary>
internal sealed class UidShares(int maxConnections)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<uint, Held> _held = [];

    /// <summary>Three quarters of the places, but not less than 10,000 where there are as many.</summary>
    private readonly int _maxConnectionsPerUid = Math.Max(maxConnections * 3 / 4, Math.Min(maxConnections, Limits.MinConnectionsPerUid));

    /// <summary>Takes a place; false when the uid has its share.</summary>
    public bool TryEnter(uint uid)
    {
        lock (_gate)
        {
            ref Held held = ref CollectionsMarshal.GetValueRefOrAddDefault(_held, uid, out _);
            if (held.Connections >= _maxConnectionsPerUid)
                return false;
            held.Connections++;
            return true;
        }
    }

    /// <summary>Gives the place back.</summary>
    public void Leave(uint uid)
    {
        lock (_gate)
        {
            ref Held held = ref CollectionsMarshal.GetValueRefOrAddDefault(_held, uid, out _);
            if (--held.Connections == 0)
                _held.Remove(uid);
        }
    }

    /// <summary>Counts more or fewer bytes of unfinished requests; false when the uid now holds more than its share.</summary>
    public bool TryHold(uint uid, long bytes)
    {
        lock (_gate)
        {
            ref Held held = ref CollectionsMarshal.GetValueRefOrAddDefault(_held, uid, out _);
            held.UnfinishedBytes += bytes;
            return bytes <= 0 || held.UnfinishedBytes <= Limits.MaxUnfinishedBytesPerUid;
        }
    }

    /// <summary>Bytes of unfinished requests of a uid.</summary>
    public long UnfinishedBytes(uint uid)
    {
        lock (_gate)
            return _held.TryGetValue(uid, out Held held) ? held.UnfinishedBytes : 0;
    }

    private record struct Held
    {
        public int Connections { get; set; }

        public long UnfinishedBytes { get; set; }
    }
}
