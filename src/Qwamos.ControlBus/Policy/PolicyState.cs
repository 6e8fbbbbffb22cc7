using System.Collections.Immutable;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// The fold of the ledger: what is policy, what is staged, the last timestamp of each key, and the time floor (DESIGN
/// sections 3 and 5). Immutable and replaced whole, so a failed batch is dropped by forgetting it. It holds keys of
/// earlier schemas as they were recorded: a new schema never judges old entries again.
/// </summary>
public sealed record PolicyState
{
    private static readonly ImmutableSortedDictionary<string, Applied> NoValues
        = ImmutableSortedDictionary.Create<string, Applied>(StringComparer.Ordinal);

    /// <summary>Nothing set, nothing staged, floor 0.</summary>
    public static PolicyState Empty { get; } = new();

    /// <summary>The applied values; keys never set are absent.</summary>
    public ImmutableSortedDictionary<string, Applied> Policy { get; init; } = NoValues;

    /// <summary>The values that wait for the next boot, or the next start of the gateway.</summary>
    public ImmutableSortedDictionary<string, Applied> Staged { get; init; } = NoValues;

    /// <summary>
    /// What the boot replaced in the policy, a key's newest first, at most <see cref="Limits.MaxEarlierValues"/>: only to these can a note put it back, so that
    /// who writes the ledger cannot author a value with one.
    /// </summary>
    public ImmutableSortedDictionary<string, ImmutableArray<Applied>> Earlier { get; init; }
        = ImmutableSortedDictionary.Create<string, ImmutableArray<Applied>>(StringComparer.Ordinal);

    /// <summary>Unix seconds: the timestamp of the newest accepted message that named the key.</summary>
    public ImmutableSortedDictionary<string, long> LastTimestamps { get; init; }
        = ImmutableSortedDictionary.Create<string, long>(StringComparer.Ordinal);

    /// <summary>Unix seconds: the greatest timestamp of an accepted message.</summary>
    public long FloorSeconds { get; init; }

    /// <summary>Sequence number of the last boot note that was imported; 0 when none was.</summary>
    public long LastNote { get; init; }

    /// <summary>The newest statement about the ledger's own key; null when there is none.</summary>
    public RecordedKey? LedgerKey { get; init; }

    /// <summary>What the ledger knows of each domain whose key an operator spoke of, by name.</summary>
    public ImmutableSortedDictionary<string, RecordedDomain> Domains { get; init; }
        = ImmutableSortedDictionary.Create<string, RecordedDomain>(StringComparer.Ordinal);

    /// <summary>The trust root.</summary>
    public RecordedTrust Trust { get; init; } = RecordedTrust.None;

    /// <summary>What root gave up when it last put an older ledger back; null where it never did.</summary>
    public LostEntries? Lost { get; init; }

    /// <summary>The last delivery taken; a domain's, never Dom0's.</summary>
    public DeliveryCursor Delivered { get; init; } = DeliveryCursor.None;

    /// <summary>
    /// A domain's: by the entry here that accepted a delivered change, the entry of Dom0's ledger that it was. Only of entries that policy or staged values name.
    /// </summary>
    public ImmutableSortedDictionary<long, EntryReference> Origins { get; init; } = ImmutableSortedDictionary<long, EntryReference>.Empty;

    /// <summary>Something that was delivered was accepted: from then on a domain takes nothing else.</summary>
    public bool TakesDeliveries { get; init; }

    /// <summary>
    /// Lower-case hex SHA-256 of JCS of the applied values of one class (<c>{}</c> when none is set), the form of <c>base</c>.
    /// Confidential values are part of it as they are: their class is dom0's own, and a hash of few possible values hides nothing anyway.
    /// </summary>
    public string BaseHash(PolicySchema schema, string @class)
    {
        ArgumentNullException.ThrowIfNull(schema);
        var values = Policy
            .Where(pair => schema.TryGet(pair.Key, out var key) && key.Class == @class)
            .Select(pair => (pair.Key, pair.Value.Value.ToJson()));
        return Convert.ToHexStringLower(Primitives.Sha256(CanonicalJson.Write(JsonValue.Object(values))));
    }

    /// <summary>
    /// The state after an accepted change. Uses only what its entry records, so decision and fold cannot differ. Every key
    /// of <paramref name="args"/> gets the timestamp. <c>fire</c> leaves <c>disarmed</c>.
    /// </summary>
    public PolicyState Accept(JsonValue args, ChangeOutcome outcome, long timestampSeconds, long index)
    {
        ArgumentNullException.ThrowIfNull(args);
        ArgumentNullException.ThrowIfNull(outcome);
        var policy = Policy.ToBuilder();
        var staged = Staged.ToBuilder();
        var timestamps = LastTimestamps.ToBuilder();
        foreach (var name in outcome.Applied)
        {
            var value = ValueOf(args, name);
            policy[name] = new Applied(EventValues.IsFire(value) ? PolicyValue.Of(EventValues.Disarmed) : value, index);
            staged.Remove(name);
        }
        foreach (var name in outcome.Staged)
            staged[name] = new Applied(ValueOf(args, name), index);
        foreach (var name in outcome.Unstaged)
            staged.Remove(name);
        foreach (var (name, _) in args.Members)
            timestamps[name] = Math.Max(timestampSeconds, timestamps.GetValueOrDefault(name));
        return this with
        {
            Policy = policy.ToImmutable(),
            Staged = staged.ToImmutable(),
            LastTimestamps = timestamps.ToImmutable(),
            FloorSeconds = Math.Max(FloorSeconds, timestampSeconds),
        };
    }

    /// <summary>
    /// The state after the boot, or a gateway's start, brought a staged value into force: it moves from staged to policy.
    /// When something newer is staged by now, or nothing, the note is about the past and changes nothing.
    /// </summary>
    public PolicyState MoveToPolicy(string name, long index)
        => Staged.TryGetValue(name, out var staged) && staged.Index == index
            ? this with { Policy = Policy.SetItem(name, staged), Staged = Staged.Remove(name), Earlier = WithEarlier(name) }
            : this;

    /// <summary>
    /// The state after the boot put the last known good in the place of a value. Where something newer is policy by now, or staged, the note is about
    /// the past and changes nothing of that. A good value that the key's policy did not have before is none: the key leaves the policy. Timestamps stay: no older message comes back.
    /// </summary>
    public PolicyState Return(PutBack back)
    {
        ArgumentNullException.ThrowIfNull(back);
        var isPolicy = Policy.TryGetValue(back.Key, out var set) && set.Index == back.Away.Index;
        var isStaged = Staged.TryGetValue(back.Key, out var staged) && staged.Index == back.Away.Index;
        var state = isStaged ? this with { Staged = Staged.Remove(back.Key) } : this;
        if (!isPolicy)
            return state;
        var earlier = Earlier.TryGetValue(back.Key, out var known) ? known : [];
        var place = back.Good is { } good ? earlier.IndexOf(good) : -1;
        return place < 0
            ? state with { Policy = Policy.Remove(back.Key), Earlier = Earlier.Remove(back.Key) }
            : state with { Policy = Policy.SetItem(back.Key, earlier[place]), Earlier = Earlier.SetItem(back.Key, earlier[(place + 1)..]) };
    }

    private ImmutableSortedDictionary<string, ImmutableArray<Applied>> WithEarlier(string name)
    {
        if (!Policy.TryGetValue(name, out var replaced))
            return Earlier;
        ImmutableArray<Applied> earlier = Earlier.TryGetValue(name, out var known) ? known : [];
        return Earlier.SetItem(name, [replaced, .. earlier.Take(Limits.MaxEarlierValues - 1)]);
    }

    /// <summary>Whether a value that was put back is still told of as policy or as staged.</summary>
    public bool Holds(PutBack back) => Return(back) != this;

    /// <summary>The state after a statement about the ledger's key: the one with the greatest timestamp stays.</summary>
    public PolicyState WithKey(LedgerKeyStatement statement, long index)
    {
        ArgumentNullException.ThrowIfNull(statement);
        return LedgerKey is null || statement.TimestampSeconds > LedgerKey.Statement.TimestampSeconds
            ? this with { LedgerKey = new RecordedKey(statement, index) }
            : this;
    }

    /// <summary>
    /// The state after a statement about a domain's key: of each domain the one with the greatest timestamp stays. Another key is another machine's, which has not spoken yet.
    /// </summary>
    public PolicyState WithDomain(DomainKeyStatement statement, long index)
    {
        ArgumentNullException.ThrowIfNull(statement);
        return Domains.TryGetValue(statement.Name, out var known) && statement.TimestampSeconds <= known.Seconds
            ? this
            : this with { Domains = Domains.SetItem(statement.Name, Next(known, new RecordedDomain(statement, index, statement.TimestampSeconds))) };
    }

    private static RecordedDomain Next(RecordedDomain? known, RecordedDomain next) => known?.Statement.Key == next.Statement.Key
        ? next with { ReportedIndex = known.ReportedIndex, KeyIndex = known.Statement.IsRevoked ? next.Index : known.KeyIndex }
        : next;

    /// <summary>The state after a domain's word about a change.</summary>
    public PolicyState WithReport(InForceStatement statement)
    {
        ArgumentNullException.ThrowIfNull(statement);
        return Domains.TryGetValue(statement.Domain, out var known) && statement.Entry.Index > known.ReportedIndex
            ? this with { Domains = Domains.SetItem(statement.Domain, known with { ReportedIndex = statement.Entry.Index }) }
            : this;
    }

    /// <summary>The state after a value was taken over from Dom0: it is newer than all that named its key here, so nothing of that waits any more.</summary>
    public PolicyState Adopt(AdoptedValue value, long index)
    {
        ArgumentNullException.ThrowIfNull(value);
        var state = this with
        {
            Policy = Policy.SetItem(value.Key, new Applied(value.Value, index)),
            Staged = Staged.Remove(value.Key),
            LastTimestamps = LastTimestamps.SetItem(value.Key, Math.Max(value.TimestampSeconds, LastTimestamps.GetValueOrDefault(value.Key))),
        };
        return state with { Origins = state.OriginsWith(index, value.Origin) };
    }

    /// <summary>The state after a delivery.</summary>
    /// <param name="cursor">Which.</param>
    /// <param name="isAccepted">Whether what was in it is the entry before.</param>
    /// <param name="index">The delivery's entry here.</param>
    public PolicyState Take(DeliveryCursor cursor, bool isAccepted, long index) => this with
    {
        Delivered = cursor,
        TakesDeliveries = TakesDeliveries || isAccepted,
        // An index of one ledger says nothing in another one.
        Origins = (cursor.Ledger == Delivered.Ledger || Delivered == DeliveryCursor.None ? this : this with { Origins = Empty.Origins }) is var state && isAccepted ? state.OriginsWith(index - 1, new EntryReference(cursor.Index, cursor.LeafHash)) : state.Origins,
    };

    /// <summary>The entry of Dom0's ledger that set a value; null where it came another way.</summary>
    public EntryReference? OriginOf(Applied value) => Origins.GetValueOrDefault(value.Index);

    private ImmutableSortedDictionary<long, EntryReference> OriginsWith(long here, EntryReference there)
    {
        var used = Policy.Values.Concat(Staged.Values).Select(value => value.Index).ToHashSet();
        return Origins.SetItem(here, there).RemoveRange(Origins.Keys.Append(here).Where(index => !used.Contains(index)));
    }

    /// <summary>The state after a version of the trust root.</summary>
    public PolicyState WithRoot(SignedRoot root, long index) => this with { Trust = Trust with { Current = root, Entries = Trust.Entries.Add(index) } };

    /// <summary>
    /// The state after root's <c>set-time-floor</c>: the floor and every later timestamp become T. It never raises any. A later statement
    /// about the ledger's key is forgotten, so that one of the right time can take its place; one about a domain's key counts as of then; and a trust that began anew at a time ahead of the clock began by now.
    /// </summary>
    public PolicyState LowerFloor(long seconds, long clockSeconds)
    {
        var timestamps = LastTimestamps.ToBuilder();
        foreach (var (name, timestamp) in LastTimestamps)
            timestamps[name] = Math.Min(timestamp, seconds);
        return this with
        {
            FloorSeconds = Math.Min(FloorSeconds, seconds),
            LastTimestamps = timestamps.ToImmutable(),
            LedgerKey = LedgerKey?.Statement.TimestampSeconds > seconds ? null : LedgerKey,
            Domains = Domains.ToImmutableSortedDictionary(pair => pair.Key, pair => pair.Value with { Seconds = Math.Min(pair.Value.Seconds, seconds) }, StringComparer.Ordinal),
            Trust = Trust with { BegunSeconds = RootHistory.LoweredBegun(Trust.BegunSeconds, seconds, clockSeconds) },
        };
    }

    /// <summary>The state after the import of one boot note (DESIGN section 6, Boot).</summary>
    public PolicyState Import(BootNote note)
    {
        ArgumentNullException.ThrowIfNull(note);
        var state = this with { LastNote = Math.Max(LastNote, note.Sequence) };
        if (note.Kind == BootNoteKind.TimeFloor)
            return state.LowerFloor(note.FloorSeconds, note.TimeSeconds);
        if (note.IsRestored)
            return state.AfterRestore(note);
        // From another key on there is another beginning: the boot knows by its own memory whether root did that. To a domain all is delivered anew.
        if (note.Kind == BootNoteKind.AnchorReplaced)
            return state with { Domains = Empty.Domains, Trust = RecordedTrust.None with { BegunSeconds = Math.Max(Trust.BegunSeconds, note.BegunSeconds) }, Delivered = DeliveryCursor.None, TakesDeliveries = false, Origins = Empty.Origins };
        foreach (var back in note.Returned)
            state = state.Return(back);
        foreach (var result in note.Results)
        {
            if (result.IsInForce)
                state = state.MoveToPolicy(result.Key, result.Index);
        }
        return state;
    }

    /// <summary>
    /// A message of what was lost is as fresh as it was, and its nonce is nowhere any more: it comes too late all the same, for a newer one is
    /// taken to have named each key (ATTACKS 9, 13).
    /// </summary>
    private PolicyState AfterRestore(BootNote note)
    {
        var timestamps = LastTimestamps.ToBuilder();
        foreach (var (name, seconds) in note.Timestamps)
            timestamps[name] = Math.Max(seconds, timestamps.GetValueOrDefault(name));
        return this with
        {
            FloorSeconds = Math.Max(FloorSeconds, note.FloorSeconds),
            LastTimestamps = timestamps.ToImmutable(),
            Lost = note is { Kind: BootNoteKind.RestoredOlder, Trees: { } trees } ? new LostEntries(trees.Size, trees.OldSize, note.TimeSeconds) : Lost,
        };
    }

    /// <summary>The document that a snapshot holds.</summary>
    public JsonValue ToJson() => PolicyStateDocument.Write(this);

    private static PolicyValue ValueOf(JsonValue args, string name)
        => args.TryGet(name, out var json) && PolicyValue.TryFrom(json, out var value)
            ? value
            : throw new InvalidDataException($"the decision names {name}, which the change does not set");
}
