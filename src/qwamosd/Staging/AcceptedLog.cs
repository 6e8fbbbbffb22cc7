using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Daemon.Staging;

/// <summary>
/// What was accepted since it was last told: a line a change, but for a burst; then a line a key that signed the rest, with what they changed, so
/// that nobody hides a change behind others. It keeps no message. Thread-safe.
/// </summary>
internal sealed class AcceptedLog(LogMessages log)
{
    private const int MaxLines = 20;

    private readonly Lock _turn = new();
    private List<(long Index, KeyId? Signer, string Keys)> _lines = [];
    private Dictionary<KeyId, Rest> _rest = [];

    /// <summary>Takes the changes of a batch; never blocks.</summary>
    public void Add(IReadOnlyList<CommittedChange> changes)
    {
        lock (_turn)
        {
            foreach (CommittedChange change in changes)
            {
                if (_lines.Count < MaxLines || change.Message.Signer is not { } signer)
                {
                    _lines.Add((change.Index, change.Message.Signer, string.Join(", ", change.Message.Message.Args!.Members.Select(member => member.Key))));
                    continue;
                }
                if (!_rest.TryGetValue(signer, out Rest? rest))
                    _rest.Add(signer, rest = new Rest());
                rest.Count++;
                rest.Last = change.Index;
                foreach ((string key, _) in change.Message.Message.Args!.Members)
                    rest.Keys.Add(key);
            }
        }
    }

    /// <summary>Writes the lines.</summary>
    public void Tell()
    {
        List<(long Index, KeyId? Signer, string Keys)> lines;
        Dictionary<KeyId, Rest> rest;
        lock (_turn)
        {
            (lines, rest) = (_lines, _rest);
            if (lines.Count == 0)
                return;
            (_lines, _rest) = ([], []);
        }
        foreach ((long index, KeyId? signer, string keys) in lines)
            log.Accepted(index, keys, signer?.ToString() ?? "");
        foreach ((KeyId signer, Rest more) in rest)
            log.AcceptedMore(more.Count, more.Last, string.Join(", ", more.Keys), signer.ToString());
    }

    private sealed class Rest
    {
        public int Count { get; set; }

        public long Last { get; set; }

        public SortedSet<string> Keys { get; } = new(StringComparer.Ordinal);
    }
}
