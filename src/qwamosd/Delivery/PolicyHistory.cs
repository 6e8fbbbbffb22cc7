using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// What was policy in Dom0 before each of the last changes: a fold of the ledger, as the feed has it, for domains that missed some. Nobody believes it: a domain checks what comes of it. A file
/// keeps where it stood, so that a start need not read the whole ledger again. Thread-safe.
/// </summary>
/// <param name="feed">The ledger.</param>
/// <param name="paths">Where the file is.</param>
/// <param name="readsConfidential">Whether some domain takes confidential changes, so that the bus gives their envelopes.</param>
/// <param name="domains">The names of all domains.</param>
/// <param name="log">The log.</param>
internal sealed class PolicyHistory(LedgerFeed feed, SystemPaths paths, bool readsConfidential, IReadOnlySet<string> domains, LogMessages log) : IDisposable
{
    /// <summary>Changes whose state before is kept: a domain further behind than all of these is brought each change by itself.</summary>
    private const int MaxKept = 256;

    // 1 had no told, 2 no domains. A file of them is not read: the entries are folded anew.
    private const int Format = 3;
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Queue<(long Index, PastPolicy Before)> _kept = new();
    private PastPolicy _state = PastPolicy.Empty;
    private long _size;
    private string _lastLeaf = "";
    private long _generation = -1;
    private bool _isLoaded;
    private long _saved;

    /// <summary>The state that the change at an index met; null when that is not kept.</summary>
    /// <exception cref="LinkException">qwamosd cannot be asked.</exception>
    public async Task<PastPolicy?> BeforeAsync(long index, CancellationToken stop)
    {
        await _turn.WaitAsync(stop).ConfigureAwait(false);
        try
        {
            await AdvanceAsync(index, stop).ConfigureAwait(false);
            return _kept.FirstOrDefault(kept => kept.Index == index).Before;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>What was policy, and what each domain was told last, after an entry or a later one.</summary>
    /// <exception cref="LinkException">qwamosd cannot be asked.</exception>
    public async Task<PastPolicy> AfterAsync(long index, CancellationToken stop)
    {
        await _turn.WaitAsync(stop).ConfigureAwait(false);
        try
        {
            await AdvanceAsync(index, stop).ConfigureAwait(false);
            return _state;
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private async Task AdvanceAsync(long index, CancellationToken stop)
    {
        if (!_isLoaded)
            Load();
        _isLoaded = true;
        if (feed.Generation is var generation && generation != _generation)
        {
            // Another ledger, or an older one, may be in the place of the one before.
            if (_size > 0 && await LeafHashAsync(_size - 1, stop).ConfigureAwait(false) != _lastLeaf)
                Begin(PastPolicy.Empty, 0, "");
            _generation = generation;
        }

        while (_size <= index && await feed.ReadAsync(_size, stop).ConfigureAwait(false) is { Count: > 0 } page)
        {
            foreach (FeedEntry entry in page)
            {
                await TakeAsync(entry, stop).ConfigureAwait(false);
                _size = entry.Index + 1;
                _lastLeaf = Hash(entry.Leaf);
            }
        }

        if (_kept.TryPeek(out (long Index, PastPolicy Before) oldest) && oldest.Index >= _saved + MaxKept)
            await SaveAsync(oldest.Index, oldest.Before, stop).ConfigureAwait(false);
    }

    private async Task TakeAsync(FeedEntry entry, CancellationToken stop)
    {
        PastPolicy next = _state;
        try
        {
            if (entry.Entry is not WithheldEntry { Outcome: { } outcome })
                next = _state.After(entry.Entry, entry.Index);
            else if (readsConfidential && EnvelopeReader.TryRead(await feed.EnvelopeAsync(entry.Index, stop).ConfigureAwait(false), out Envelope? envelope, out _))
                next = _state.After(envelope.Message, outcome, entry.Index);
        }
        catch (BusRefusalException)
        {
            // It is for no domain: none asks what it set.
        }
        catch (InvalidDataException e)
        {
            throw new LinkException($"entry {entry.Index} is not what was recorded: {e.Message}");
        }

        // Once, however often this is cut short before.
        if (entry.Entry is RecordedEntry { IsAccepted: true })
        {
            _kept.Enqueue((entry.Index, _state));
            if (_kept.Count > MaxKept)
                _kept.Dequeue();
        }

        _state = next;
    }

    private void Begin(PastPolicy state, long size, string lastLeaf)
    {
        _kept.Clear();
        (_state, _size, _lastLeaf, _saved) = (state, size, lastLeaf, size);
    }

    private void Load()
    {
        try
        {
            if (!Posix.IsAbsent(paths.CourierPolicyFile) && TryRead(DurableFile.ReadAllBounded(paths.CourierPolicyFile, Limits.MaxCourierPolicyBytes), out PastPolicy? state, out long size, out string leaf))
                Begin(state, size, leaf);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.HistoryNotKept(paths.CourierPolicyFile, e.Message);
        }
    }

    private async Task SaveAsync(long size, PastPolicy state, CancellationToken stop)
    {
        string leaf = await LeafHashAsync(size - 1, stop).ConfigureAwait(false);
        // Once for so many changes, whatever becomes of it: it only saves a start some reading.
        _saved = size;
        try
        {
            // Of domains that there are no more nothing is kept, and it is not read where one has come.
            byte[] line = JsonText.Line(JsonValue.Object(
            [
                ("format", JsonValue.Of(Format)), ("size", JsonValue.Of(size)), ("leaf_hash", JsonValue.Of(leaf)), ("domains", JsonValue.Array(domains.Order(StringComparer.Ordinal).Select(JsonValue.Of))), .. state.Only(domains).ToMembers(),
            ]));
            if (line.Length > Limits.MaxCourierPolicyBytes)
                throw new IOException($"it would have {line.Length} bytes, and {Limits.MaxCourierPolicyBytes} are read");
            DurableFile.Replace(paths.CourierPolicyFile, line, Mode);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.HistoryNotKept(paths.CourierPolicyFile, e.Message);
        }
    }

    /// <summary>Not of an earlier program, or not whole: then all is read again.</summary>
    private bool TryRead(byte[] bytes, [NotNullWhen(true)] out PastPolicy? state, out long size, out string leaf)
    {
        (state, size, leaf) = (null, 0, "");
        if (!StrictJson.TryParse(bytes, out JsonValue? document, out _, bytes.Length))
            return false;
        var reader = new MemberReader(document, "policy.json");
        reader.Integer("format", Format, Format);
        size = reader.Integer("size", 1, Limits.MaxSafeInteger);
        leaf = reader.Hash("leaf_hash");
        HashSet<string> known = [.. reader.Array("domains", int.MaxValue).Select(name => name.TryGetString(out string? text) ? text : "")];
        state = PastPolicy.Read(reader);
        return reader.Finish(out _) && state is not null && domains.All(known.Contains);
    }

    private async Task<string> LeafHashAsync(long index, CancellationToken stop) =>
        await feed.ReadAsync(index, stop).ConfigureAwait(false) is [var entry, ..] && entry.Index == index ? Hash(entry.Leaf) : "";

    private static string Hash(byte[] leaf) => Convert.ToHexStringLower(MerkleTree.LeafHash(leaf));
}
