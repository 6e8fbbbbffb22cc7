using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// How a domain that is far behind comes to where Dom0 is with few deliveries (docs/formats/delivery.md): of a run of changes it is given the last one that names what was policy before,
/// and with it the newest change of each key. Its courier's.
/// </summary>
/// <param name="domain">The domain.</param>
/// <param name="rule">What concerns it.</param>
/// <param name="feed">The ledger.</param>
/// <param name="history">What was policy before each change.</param>
internal sealed class CatchUpPlan(GatewayEntry domain, DeliveryRule rule, LedgerFeed feed, PolicyHistory history)
{
    /// <summary>So many changes come each by itself: all of them stand in the domain's own record then.</summary>
    private const int MaxSingleChanges = 16;

    /// <summary>Beside the leaves and paths of a delivery: member names and numbers.</summary>
    private const int RequestOverheadBytes = 1_024;

    private const int EntryOverheadBytes = 64;

    private long _plannedTo = -1;
    private long _last = -1;
    private PastPolicy? _before;
    private bool _isOff;
    private bool _isAsked;

    /// <summary>The domain has all, or begins anew.</summary>
    public void Reset() => (_plannedTo, _last, _before, _isOff, _isAsked) = (-1, -1, null, false, false);

    /// <summary>The domain has another policy than a change was made from: that goes with each from here on, until it has all.</summary>
    public void Ask() => _isAsked = true;

    /// <summary>Whether a change without it cannot have it: the domain asked.</summary>
    public bool CannotShow(PendingDelivery delivery) => _isAsked && HasBase(delivery.Entry);

    /// <summary>The domain stands elsewhere than was thought.</summary>
    public void Forget() => (_plannedTo, _last, _before) = (-1, -1, null);

    /// <summary>The domain cannot make use of it: each change comes by itself.</summary>
    public void GiveUp() => (_plannedTo, _last, _before, _isOff) = (-1, -1, null, true);

    /// <summary>Looks at what comes next, up to the next trust root, which changes who is believed.</summary>
    /// <param name="from">The next entry.</param>
    /// <param name="seen">Entries that the domain has seen.</param>
    /// <param name="stop">Ends the courier.</param>
    public async Task LookAsync(long from, long seen, CancellationToken stop)
    {
        if (_isOff || from <= _plannedTo)
            return;
        int changes = 0;
        long last = -1;
        long index = from;
        while (index < seen && await feed.ReadAsync(index, stop).ConfigureAwait(false) is { Count: > 0 } page)
        {
            foreach (FeedEntry entry in page.TakeWhile(entry => entry.Index < seen))
            {
                index = entry.Index + 1;
                if (entry.Entry is TrustRootEntry)
                {
                    seen = index;
                    break;
                }

                if (entry.Entry is not MessageEntry { IsAccepted: true } change || !rule.TryMatch(change.Message, out _))
                    continue;
                changes++;
                if (change.Message.Base?.ContainsKey(domain.Class) == true)
                    last = entry.Index;
            }
        }

        _plannedTo = index - 1;
        _before = changes > MaxSingleChanges && last >= 0 ? await history.BeforeAsync(last, stop).ConfigureAwait(false) : null;
        // Nothing is passed over that could not be brought in its place.
        _last = _before is not null && await feed.ReadAsync(last, stop).ConfigureAwait(false) is [{ Entry: MessageEntry } carrier, ..]
            && await MakeAsync(carrier, _before, seen, stop).ConfigureAwait(false) is not null ? last : -1;
    }

    /// <summary>Whether a change need not be delivered, for the last one brings what it set, or what took its place.</summary>
    public bool Skips(PendingDelivery delivery) =>
        delivery.Entry.Index < _last && delivery.Entry.Entry is MessageEntry { Outcome: { } outcome } change && !change.Message.Fires
        && delivery.Keys.All(key => rule.IsOwn(key) && outcome.Applied.Contains(key) && _before!.IsFor(domain.Name, key));

    /// <summary>Whether a change cannot go without what it is made from: changes before it were passed over.</summary>
    public bool Needs(PendingDelivery delivery) => delivery.Entry.Index <= _last && HasBase(delivery.Entry);

    /// <summary>What is told beside a change of what the domain may have missed; null where nothing is.</summary>
    /// <param name="delivery">The change.</param>
    /// <param name="missesSome">It is known, or to be feared, that it lacks a change that came before.</param>
    /// <param name="size">Entries that the domain has seen.</param>
    /// <param name="stop">Ends the courier.</param>
    public async Task<CatchUpOffer?> OfferAsync(PendingDelivery delivery, bool missesSome, long size, CancellationToken stop)
    {
        if (_isOff || !HasBase(delivery.Entry) || await history.BeforeAsync(delivery.Entry.Index, stop).ConfigureAwait(false) is not { } before)
            return null;
        // Where others were sent what it was not, its policy is another one than Dom0's, and that has to be explained each time.
        return missesSome || _isAsked || delivery.Entry.Index <= _last || Own(before).Any(pair => !before.IsFor(domain.Name, pair.Key))
            ? await MakeAsync(delivery.Entry, before, size, stop).ConfigureAwait(false)
            : null;
    }

    /// <summary>Whether nothing can be missing at a domain that took a change with that: before it stands neither a trust root nor a change for it of a key that is not brought so.</summary>
    /// <param name="delivery">The change.</param>
    /// <param name="stop">Ends the courier.</param>
    public async Task<bool> BringsAllAsync(PendingDelivery delivery, CancellationToken stop) =>
        await history.BeforeAsync(delivery.Entry.Index, stop).ConfigureAwait(false) is { } before
        && before.State.Trust.Entries.IsEmpty && before.ToldTo(domain.Name).All(told => !rule.Concerns(told.Key) || rule.CatchesUp(told.Key));

    private bool HasBase(FeedEntry entry) => entry.Entry is MessageEntry change && change.Message.Base?.ContainsKey(domain.Class) == true;

    private IEnumerable<KeyValuePair<string, Applied>> Own(PastPolicy before) => before.State.Policy.Where(pair => rule.IsOwn(pair.Key));

    /// <summary>Null where it does not fit.</summary>
    private async Task<CatchUpOffer?> MakeAsync(FeedEntry carrier, PastPolicy before, long size, CancellationToken stop)
    {
        List<KeyValuePair<string, Applied>> values = [.. Own(before)];
        var changes = new List<OfferedEntry>();
        int bytes = RequestOverheadBytes + BytesOf(carrier.Leaf, null);
        foreach (long index in values.Select(pair => pair.Value.Index).Distinct().Order())
        {
            if (await feed.ReadAsync(index, stop).ConfigureAwait(false) is not [var entry, ..])
                return null;
            // Confidential ones are never passed over, and need no other word.
            if (entry.Entry is not MessageEntry)
                continue;
            bytes += EntryOverheadBytes + BytesOf(entry.Leaf, null);
            if (bytes > Limits.MaxDeliveryBytes)
                return null;
            changes.Add(new OfferedEntry(index, entry.Leaf, null, await feed.InclusionAsync(index, size, stop).ConfigureAwait(false)));
        }

        return new CatchUpOffer(JsonValue.Object(values.Select(pair => (pair.Key, pair.Value.Value.ToJson()))), changes);
    }

    /// <summary>In base64, with a path of a large tree.</summary>
    private static int BytesOf(byte[] leaf, byte[]? envelope) => ((leaf.Length + (envelope?.Length ?? 0)) / 3 * 4) + (40 * 48);
}
