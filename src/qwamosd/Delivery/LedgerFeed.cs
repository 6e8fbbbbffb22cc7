using System.Text;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// The ledger as the courier has it: by way of the bus, so that nothing here can hold a lock of the writer's. What all couriers ask for at the same time is asked once. It
/// believes qwamosd, which could withhold anything anyway; the domains do not.
/// </summary>
/// <param name="busSocket">qwamosd's.</param>
/// <param name="time">The clock.</param>
/// <param name="log">The log.</param>
internal sealed class LedgerFeed(string busSocket, TimeProvider time, LogMessages log) : IDisposable
{
    private const int RecentPages = 64;
    private const int RecentProofs = 1_024;

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Recent<(long Index, long Size), IReadOnlyList<FeedEntry>> _pages = new(RecentPages);
    private readonly Recent<(long Index, long Size), IReadOnlyList<byte[]>> _inclusions = new(RecentProofs);
    private readonly Recent<(long Old, long New), IReadOnlyList<byte[]>> _consistencies = new(RecentProofs);
    private readonly Recent<(long Size, long Minute), FeedCheckpoint> _checkpoints = new(1);
    private Link? _link;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _size = -1;
    private long _version;
    private long _generation;
    private bool _isDown;

    /// <summary>Entries, as far as is known; -1 before qwamosd answered.</summary>
    public long Size => Volatile.Read(ref _size);

    /// <summary>Counts what was heard of the ledger: that it has grown, or that another daemon answers, with another ledger perhaps.</summary>
    public long Version => Interlocked.Read(ref _version);

    /// <summary>Counts how often another history may have come in the place of the one before.</summary>
    public long Generation => Interlocked.Read(ref _generation);

    /// <summary>Completes when <see cref="Version"/> is another one than given.</summary>
    public async Task ChangedAsync(long version, CancellationToken stop)
    {
        while (Version == version)
        {
            Task changed = Volatile.Read(ref _changed).Task;
            Interlocked.MemoryBarrier();
            if (Version == version)
                await changed.WaitAsync(stop).ConfigureAwait(false);
        }
    }

    /// <summary>Follows the ledger's size, until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var backoff = new Backoff();
        while (!stop.IsCancellationRequested)
        {
            try
            {
                using Link link = await Link.OpenAsync(busSocket, time, stop).ConfigureAwait(false);
                // At once, the first time: an older ledger may be in the place of the one before.
                for (long asked = -1; ; asked = Size)
                {
                    string wait = asked < 0 ? """{"size":0,"wait":0}""" : $$"""{"size":{{asked}},"wait":{{Limits.MaxGrowthWaitSeconds}}}""";
                    AnswerReader answer = await link.AskAsync(Request(Commands.GetGrowth, wait), stop, Limits.MaxGrowthWaitSeconds).ConfigureAwait(false);
                    Set(Number(answer, "size"), isAnew: asked < 0);
                    backoff.Reset();
                    if (_isDown)
                        log.BusBack();
                    _isDown = false;
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // Whatever it is: without the ledger there is nothing to deliver, and it is tried again.
                if (!_isDown)
                    log.BusDown(e is LinkException ? e.Message : $"{e.GetType().Name}: {e.Message}");
                _isDown = true;
                await Task.Delay(backoff.Next(), time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Some entries from an index on, in order; none at the ledger's end.</summary>
    /// <exception cref="LinkException">qwamosd cannot be asked.</exception>
    public async Task<IReadOnlyList<FeedEntry>> ReadAsync(long index, CancellationToken stop)
    {
        long size = Size;
        return index >= size ? [] : await _pages.GetAsync((index, size), () => ReadPageAsync(index, stop)).WaitAsync(stop).ConfigureAwait(false);
    }

    /// <summary>A checkpoint that covers all entries known, not older than a minute.</summary>
    /// <inheritdoc cref="ReadAsync"/>
    public Task<FeedCheckpoint> NewestAsync(CancellationToken stop)
    {
        long minute = time.GetUtcNow().ToUnixTimeSeconds() / Limits.CheckpointIdleSeconds;
        return _checkpoints.GetAsync((Size, minute), () => ReadCheckpointAsync(stop)).WaitAsync(stop);
    }

    /// <summary>The path from an entry to the root of a tree.</summary>
    /// <inheritdoc cref="ReadAsync"/>
    public Task<IReadOnlyList<byte[]>> InclusionAsync(long index, long size, CancellationToken stop) =>
        _inclusions.GetAsync((index, size), () => ReadHashesAsync(Commands.GetProof, $$"""{"index":{{index}},"size":{{size}}}""", "path", stop)).WaitAsync(stop);

    /// <summary>The proof that one tree begins with another; empty where it does not have one.</summary>
    /// <inheritdoc cref="ReadAsync"/>
    public async Task<IReadOnlyList<byte[]>> ConsistencyAsync(long old, long size, CancellationToken stop) => old >= size
        ? []
        : await _consistencies.GetAsync((old, size), () => ReadHashesAsync(Commands.GetConsistency, $$"""{"old":{{old}},"new":{{size}}}""", "proof", stop)).WaitAsync(stop).ConfigureAwait(false);

    /// <summary>The envelope of a confidential change.</summary>
    /// <inheritdoc cref="ReadAsync"/>
    public async Task<byte[]> EnvelopeAsync(long index, CancellationToken stop)
    {
        var envelope = new MemoryStream();
        long length;
        do
        {
            AnswerReader answer = await AskAsync(Commands.GetEnvelope, $$"""{"index":{{index}},"skip":{{envelope.Length}}}""", stop).ConfigureAwait(false);
            length = Number(answer, "length");
            byte[] page = Bytes(answer, "envelope");
            if (length is < 1 or > Limits.MaxRequestBytes || page.Length == 0 || envelope.Length + page.Length > length)
                throw Unreadable(Commands.GetEnvelope);
            envelope.Write(page);
        }
        while (envelope.Length < length);
        return envelope.ToArray();
    }

    public void Dispose()
    {
        _link?.Dispose();
        _turn.Dispose();
    }

    private void Set(long size, bool isAnew)
    {
        long before = Interlocked.Exchange(ref _size, size);
        if (size == before && !isAnew)
            return;
        if (size < before || isAnew)
        {
            // Another history, of the same size even, may be in the place of the one before.
            _pages.Clear();
            _inclusions.Clear();
            _consistencies.Clear();
            _checkpoints.Clear();
            Interlocked.Increment(ref _generation);
        }

        Interlocked.Increment(ref _version);
        Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    private async Task<IReadOnlyList<FeedEntry>> ReadPageAsync(long index, CancellationToken stop)
    {
        // The last leaf of a page may be cut: it begins the next one, but for one that is longer than a page.
        var bundle = new MemoryStream();
        while (true)
        {
            byte[] page = Bytes(await AskAsync(Commands.GetEntries, $$"""{"from":{{index}},"skip":{{bundle.Length}}}""", stop).ConfigureAwait(false), "leaves");
            bundle.Write(page);
            List<FeedEntry> entries = Split(index, bundle.GetBuffer().AsSpan(0, (int)bundle.Length));
            if (entries.Count > 0 || page.Length == 0)
                return entries;
        }
    }

    private static List<FeedEntry> Split(long index, ReadOnlySpan<byte> bundle)
    {
        var entries = new List<FeedEntry>();
        while (EntryBundle.TryTake(ref bundle, out byte[]? leaf))
        {
            try
            {
                entries.Add(new FeedEntry(index, leaf, EntryReader.ReadExported(index, leaf)));
            }
            catch (LedgerIntegrityException e)
            {
                throw new LinkException(e.Message);
            }

            index++;
        }

        return entries;
    }

    private async Task<FeedCheckpoint> ReadCheckpointAsync(CancellationToken stop)
    {
        AnswerReader answer = await AskAsync(Commands.GetCheckpoint, null, stop).ConfigureAwait(false);
        LedgerKeyStatement? statement = null;
        if (answer.Document.TryGet("key_statement", out JsonValue? json))
            _ = LedgerKeyStatement.TryRead(json, out statement, out _);
        return OfferedCheckpoint.TryRead(new CheckpointOffer(Text(answer, "checkpoint"), Text(answer, "key"), 0, []), out OfferedCheckpoint? offered, out _)
            && offered.TryVerify(out SignedNote? note, out _, out _)
                ? new FeedCheckpoint(offered.Checkpoint, note.ToString(), offered.Key, statement)
                : throw Unreadable(Commands.GetCheckpoint);
    }

    private async Task<IReadOnlyList<byte[]>> ReadHashesAsync(string command, string args, string member, CancellationToken stop)
    {
        AnswerReader answer = await AskAsync(command, args, stop).ConfigureAwait(false);
        return answer.Document.TryGet(member, out JsonValue? list) && list.Kind == JsonKind.Array && list.Items.Length <= Limits.MaxProofHashes
            ? [.. list.Items.Select(item => TryDecode(item, out byte[] hash) && hash.Length == MerkleTree.HashBytes ? hash : throw Unreadable(command))]
            : throw Unreadable(command);
    }

    /// <summary>On one connection, one request after another: made anew when it has ended, which idle ones do.</summary>
    /// <exception cref="LinkException">qwamosd cannot be asked, or refuses.</exception>
    public async Task<AnswerReader> AskAsync(string command, string? args, CancellationToken stop)
    {
        await _turn.WaitAsync(stop).ConfigureAwait(false);
        try
        {
            bool isKept = _link is not null;
            try
            {
                return await AskOnceAsync(command, args, stop).ConfigureAwait(false);
            }
            catch (LinkException) when (isKept)
            {
                return await AskOnceAsync(command, args, stop).ConfigureAwait(false);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<AnswerReader> AskOnceAsync(string command, string? args, CancellationToken stop)
    {
        AnswerReader answer;
        try
        {
            _link ??= await Link.OpenAsync(busSocket, time, stop).ConfigureAwait(false);
            answer = await _link.AskAsync(Request(command, args), stop).ConfigureAwait(false);
        }
        catch
        {
            _link?.Dispose();
            _link = null;
            throw;
        }

        // A refusal costs the link of all nothing.
        return answer.IsOk ? answer : throw new BusRefusalException($"qwamosd refuses {command}: {Receptions.Describe(answer)}");
    }

    private static byte[] Request(string command, string? args) =>
        Encoding.ASCII.GetBytes(args is null ? $$$"""{"msg":{"command":"{{{command}}}"}}""" : $$$"""{"msg":{"args":{{{args}}},"command":"{{{command}}}"}}""");

    private static long Number(AnswerReader answer, string name) =>
        answer.IsOk && answer.Document.TryGet(name, out JsonValue? value) && value.TryGetInteger(out long number) && number >= 0 ? number : throw Unreadable(name);

    private static string Text(AnswerReader answer, string name) => answer.Document.TryGet(name, out JsonValue? value) && value.TryGetString(out string? text) ? text : "";

    private static byte[] Bytes(AnswerReader answer, string name) =>
        answer.Document.TryGet(name, out JsonValue? value) && TryDecode(value, out byte[] bytes) ? bytes : throw Unreadable(name);

    private static bool TryDecode(JsonValue value, out byte[] bytes)
    {
        bytes = [];
        if (!value.TryGetString(out string? text))
            return false;
        bytes = new byte[text.Length / 4 * 3];
        if (!Convert.TryFromBase64String(text, bytes, out int length))
            return false;
        Array.Resize(ref bytes, length);
        return true;
    }

    private static LinkException Unreadable(string what) => new($"what qwamosd answers cannot be read ({what}): is it of another version?");
}
