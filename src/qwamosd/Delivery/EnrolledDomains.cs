using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// The keys that operators vouched for, as qwamosd has them: asked for when the ledger has grown, at most once a second, for all domains together and on a task of its own, so that
/// no delivery waits for it. Thread-safe.
/// </summary>
internal sealed class EnrolledDomains(LedgerFeed feed, TimeProvider time)
{
    private static readonly TimeSpan LeastPause = TimeSpan.FromSeconds(1);

    private IReadOnlyDictionary<string, EnrolledDomain> _known = new Dictionary<string, EnrolledDomain>();
    private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _size = -1;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when qwamosd has said for the first time whose keys are believed.</summary>
    public Task FirstAnswer => _first.Task;

    /// <summary>Completes when another key is believed, or one no more.</summary>
    public Task Changed => Volatile.Read(ref _changed).Task;

    /// <summary>Until what is known is of so many entries at least.</summary>
    public async Task ReachAsync(long size, CancellationToken stop)
    {
        while (true)
        {
            Task answered = Volatile.Read(ref _answered).Task;
            if (Volatile.Read(ref _size) >= size)
                return;
            await answered.WaitAsync(stop).ConfigureAwait(false);
        }
    }

    /// <summary>What is known of a domain now.</summary>
    public EnrolledDomain Find(string name) => Volatile.Read(ref _known).GetValueOrDefault(name) ?? EnrolledDomain.None;

    /// <summary>Until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            for (long version = -1; ;)
            {
                await feed.ChangedAsync(version, stop).ConfigureAwait(false);
                long seen = feed.Version;
                if (feed.Size >= 0 && await TryReadAsync(stop).ConfigureAwait(false))
                    version = seen;
                // What comes close together is read together.
                await Task.Delay(LeastPause, time, stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The courier ends.
        }
    }

    private async Task<bool> TryReadAsync(CancellationToken stop)
    {
        try
        {
            long size = feed.Size;
            Dictionary<string, EnrolledDomain> read = await ReadAsync(stop).ConfigureAwait(false);
            bool isSame = IsSame(read);
            Volatile.Write(ref _known, read);
            Volatile.Write(ref _size, size);
            _first.TrySetResult();
            // First whose key is no more: nothing is delivered there in between.
            if (!isSame)
                Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
            Interlocked.Exchange(ref _answered, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
            return true;
        }
        catch (LinkException)
        {
            // The feed says so; what was known counts until then.
            return false;
        }
    }

    private bool IsSame(Dictionary<string, EnrolledDomain> read) =>
        read.Count == _known.Count && read.All(pair => _known.TryGetValue(pair.Key, out EnrolledDomain? before) && before.WhyNot == pair.Value.WhyNot && before.Key?.Id == pair.Value.Key?.Id && before.TlsKey == pair.Value.TlsKey);

    private async Task<Dictionary<string, EnrolledDomain>> ReadAsync(CancellationToken stop)
    {
        var domains = new Dictionary<string, EnrolledDomain>(StringComparer.Ordinal);
        for (string? after = null; ;)
        {
            AnswerReader page = await feed.AskAsync(Commands.GetDomains, after is null ? null : JsonText.ToText(JsonValue.Object([(Message.AfterArg, JsonValue.Of(after))])), stop).ConfigureAwait(false);
            foreach (JsonValue row in page.Document.TryGet("domains", out JsonValue? list) && list.Kind == JsonKind.Array ? list.Items : [])
            {
                if (row.TryGet("name", out JsonValue? name) && name.TryGetString(out string? text))
                    domains[text] = Read(row);
            }
            string? next = page.Document.TryGet("more", out JsonValue? more) && more.TryGetString(out string? last) ? last : null;
            if (next is null || string.CompareOrdinal(next, after) <= 0)
                return domains;
            after = next;
        }
    }

    private static EnrolledDomain Read(JsonValue row)
    {
        bool isEnrolled = row.TryGet("enrolled", out JsonValue? enrolled) && enrolled is { Kind: JsonKind.Boolean, AsBoolean: true };
        string whyNot = row.TryGet("why_not", out JsonValue? why) && why.TryGetString(out string? text) ? text : "it is not enrolled";
        return isEnrolled && row.TryGet("statement", out JsonValue? json) && DomainKeyStatement.TryRead(json, out DomainKeyStatement? statement, out _) && statement.TryLoadKey(out VerifyingKey? key, out _)
            ? new EnrolledDomain(key, statement.TlsKey, "")
            : new EnrolledDomain(null, null, whyNot);
    }
}
