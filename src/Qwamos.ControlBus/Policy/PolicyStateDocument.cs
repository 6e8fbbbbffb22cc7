using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Policy;

/// <summary>The snapshot form of <see cref="PolicyState"/>; reading is strict, for a snapshot that is not wholly understood must not be believed.</summary>
public static class PolicyStateDocument
{
    // 1 had no ledger_key, 2 no earlier, 3 no trust, 4 no lost and no delivered, 5 no domains and no origins, 6 no key_index and no hash in an origin. A state of theirs is not read: the entries are folded anew.
    private const long Format = 7;

    internal static JsonValue Write(PolicyState state) => JsonValue.Object(
    [
        ("format", JsonValue.Of(Format)),
        ("policy", WriteValues(state.Policy)),
        ("staged", WriteValues(state.Staged)),
        ("earlier", JsonValue.Object(state.Earlier.Select(pair => (pair.Key, JsonValue.Array(pair.Value.Select(WriteValue)))))),
        ("timestamps", JsonValue.Object(state.LastTimestamps.Select(pair => (pair.Key, JsonValue.Of(pair.Value))))),
        ("floor", JsonValue.Of(state.FloorSeconds)),
        ("last_note", JsonValue.Of(state.LastNote)),
        ("ledger_key", state.LedgerKey is { } key
            ? JsonValue.Object([("statement", key.Statement.ToJson()), ("index", JsonValue.Of(key.Index))])
            : JsonValue.Null),
        ("domains", JsonValue.Object(state.Domains.Select(pair => (pair.Key, JsonValue.Object(
        [
            ("statement", pair.Value.Statement.ToJson()),
            ("index", JsonValue.Of(pair.Value.Index)),
            ("seconds", JsonValue.Of(pair.Value.Seconds)),
            ("key_index", JsonValue.Of(pair.Value.KeyIndex)),
            ("reported", JsonValue.Of(pair.Value.ReportedIndex)),
        ]))))),
        ("trust", JsonValue.Object(
        [
            ("root", state.Trust.Current?.ToJson() ?? JsonValue.Null),
            ("entries", JsonValue.Array(state.Trust.Entries.Select(index => JsonValue.Of(index)))),
            ("begun", JsonValue.Of(state.Trust.BegunSeconds)),
        ])),
        ("lost", state.Lost is { } lost
            ? JsonValue.Object([("from", JsonValue.Of(lost.From)), ("to", JsonValue.Of(lost.To)), ("time", JsonValue.Of(lost.Seconds))])
            : JsonValue.Null),
        ("delivered", state.Delivered == DeliveryCursor.None ? JsonValue.Null : JsonValue.Object([.. state.Delivered.Members(), ("only", JsonValue.Of(state.TakesDeliveries)), ("origins", JsonValue.Array(state.Origins.Select(pair => JsonValue.Array(JsonValue.Of(pair.Key), JsonValue.Of(pair.Value.Index), JsonValue.Of(pair.Value.LeafHash)))))])),
    ]);

    /// <summary>Whether it is the state of an earlier program, which says nothing against the ledger.</summary>
    internal static bool IsEarlier(JsonValue document) =>
        document.TryGet("format", out var format) && format.TryGetInteger(out var number) && number is > 0 and < Format;

    /// <summary>Reads what <see cref="PolicyState.ToJson"/> wrote; any other member, format or type is a fault.</summary>
    public static bool TryRead(JsonValue document, [NotNullWhen(true)] out PolicyState? state, out string fault)
    {
        ArgumentNullException.ThrowIfNull(document);
        state = null;
        var reader = new MemberReader(document, "the state");
        var format = reader.Integer("format", Format, Format);
        var policy = ReadValues(reader, "policy");
        var staged = ReadValues(reader, "staged");
        var earlier = ReadEarlier(reader);
        var timestamps = ReadTimestamps(reader);
        var floor = reader.Integer("floor", 0, Limits.MaxSafeInteger);
        var lastNote = reader.Integer("last_note", 0, Limits.MaxSafeInteger);
        var key = ReadKey(reader);
        var domains = ReadDomains(reader);
        var trust = ReadTrust(reader);
        var lost = ReadLost(reader);
        var delivered = ReadDelivered(reader, out var takesDeliveries, out var origins);
        if (!reader.Finish(out fault))
            return false;
        state = new PolicyState
        {
            Policy = policy,
            Staged = staged,
            Earlier = earlier,
            LastTimestamps = timestamps,
            FloorSeconds = floor,
            LastNote = lastNote,
            LedgerKey = key,
            Domains = domains,
            Trust = trust,
            Lost = lost,
            Delivered = delivered,
            TakesDeliveries = takesDeliveries,
            Origins = origins,
        };
        return format == Format;
    }

    internal static ImmutableSortedDictionary<string, long> ReadTimestamps(MemberReader reader)
    {
        var result = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        foreach (var (name, json) in reader.Object("timestamps"))
        {
            if (json.TryGetInteger(out var seconds))
                result[name] = seconds;
            else
                reader.Refuse($"the timestamp of {name} is not an integer");
        }
        return result.ToImmutable();
    }

    private static RecordedKey? ReadKey(MemberReader reader)
    {
        if (reader.Any("ledger_key") is not { Kind: not JsonKind.Null } json)
            return null;
        var inner = new MemberReader(json, "ledger_key");
        var index = inner.Integer("index", 0, Limits.MaxSafeInteger);
        if (!LedgerKeyStatement.TryRead(inner.Any("statement"), out var statement, out var fault))
            inner.Refuse(fault);
        if (inner.Finish(out fault))
            return new RecordedKey(statement!, index);
        reader.Refuse(fault);
        return null;
    }

    private static ImmutableSortedDictionary<string, RecordedDomain> ReadDomains(MemberReader reader)
    {
        var result = ImmutableSortedDictionary.CreateBuilder<string, RecordedDomain>(StringComparer.Ordinal);
        foreach (var (name, json) in reader.Object("domains"))
        {
            var inner = new MemberReader(json, $"the domain {name}");
            var index = inner.Integer("index", 0, Limits.MaxSafeInteger);
            var seconds = inner.Integer("seconds", 0, Limits.MaxSafeInteger);
            var keyIndex = inner.Integer("key_index", 0, Limits.MaxSafeInteger);
            var reported = inner.Integer("reported", -1, Limits.MaxSafeInteger);
            if (!DomainKeyStatement.TryRead(inner.Any("statement"), out var statement, out var fault))
                inner.Refuse(fault);
            else if (statement.Name != name)
                inner.Refuse($"the domain {name} has a statement about another one");
            if (inner.Finish(out fault))
                result[name] = new RecordedDomain(statement!, index, seconds) { KeyIndex = keyIndex, ReportedIndex = reported };
            else
                reader.Refuse(fault);
        }
        return result.ToImmutable();
    }

    private static RecordedTrust ReadTrust(MemberReader reader)
    {
        var inner = new MemberReader(reader.Any("trust"), "trust");
        SignedRoot? root = null;
        if (inner.Any("root") is { Kind: not JsonKind.Null } json && !SignedRoot.TryRead(json, out root, out var fault))
            inner.Refuse(fault);
        var entries = ImmutableArray.CreateBuilder<long>();
        foreach (var item in inner.Array("entries", int.MaxValue))
        {
            if (item.TryGetInteger(out var index) && index > (entries.Count == 0 ? -1 : entries[^1]))
                entries.Add(index);
            else
                inner.Refuse("trust: entries must be rising integers");
        }
        if (entries.Count != (root?.Root.Version ?? 0))
            inner.Refuse("trust: entries must be as many as the trust root's version says");
        var begun = inner.Integer("begun", 0, Limits.MaxSafeInteger);
        if (!inner.Finish(out fault))
            reader.Refuse(fault);
        return new RecordedTrust(root, entries.ToImmutable(), begun);
    }

    private static LostEntries? ReadLost(MemberReader reader)
    {
        if (reader.Any("lost") is not { Kind: not JsonKind.Null } json)
            return null;
        var inner = new MemberReader(json, "lost");
        var lost = new LostEntries(
            inner.Integer("from", 0, Limits.MaxSafeInteger), inner.Integer("to", 0, Limits.MaxSafeInteger), inner.Integer("time", 0, Limits.MaxSafeInteger));
        if (inner.Finish(out var fault))
            return lost;
        reader.Refuse(fault);
        return null;
    }

    private static DeliveryCursor ReadDelivered(MemberReader reader, out bool takesDeliveries, out ImmutableSortedDictionary<long, EntryReference> origins)
    {
        (takesDeliveries, origins) = (false, PolicyState.Empty.Origins);
        if (reader.Any("delivered") is not { Kind: not JsonKind.Null } json)
            return DeliveryCursor.None;
        var inner = new MemberReader(json, "delivered");
        var cursor = DeliveryCursor.Read(inner);
        if (inner.Any("only") is { Kind: JsonKind.Boolean } only)
            takesDeliveries = only.AsBoolean;
        else
            inner.Refuse("delivered: only is neither true nor false");
        foreach (var item in inner.Array("origins", int.MaxValue))
        {
            if (item is { Kind: JsonKind.Array, Items: [var here, var there, var leaf] } && here.TryGetInteger(out var index) && there.TryGetInteger(out var origin) && leaf.TryGetString(out var hash))
                origins = origins.SetItem(index, new EntryReference(origin, hash));
            else
                inner.Refuse("delivered: origins holds something else than an index, Dom0's index and its hash");
        }
        if (!inner.Finish(out var fault))
            reader.Refuse(fault);
        return cursor;
    }

    private static JsonValue WriteValues(ImmutableSortedDictionary<string, Applied> values) => JsonValue.Object(values.Select(pair =>
        (pair.Key, WriteValue(pair.Value))));

    private static JsonValue WriteValue(Applied set) => JsonValue.Object([("value", set.Value.ToJson()), ("index", JsonValue.Of(set.Index))]);

    private static ImmutableSortedDictionary<string, Applied> ReadValues(MemberReader reader, string member)
    {
        var result = ImmutableSortedDictionary.CreateBuilder<string, Applied>(StringComparer.Ordinal);
        foreach (var (name, json) in reader.Object(member))
        {
            if (TryReadValue(json, $"{member} of {name}", out var set, out var fault))
                result[name] = set;
            else
                reader.Refuse(fault);
        }
        return result.ToImmutable();
    }

    private static ImmutableSortedDictionary<string, ImmutableArray<Applied>> ReadEarlier(MemberReader reader)
    {
        var result = ImmutableSortedDictionary.CreateBuilder<string, ImmutableArray<Applied>>(StringComparer.Ordinal);
        foreach (var (name, json) in reader.Object("earlier"))
        {
            var values = ImmutableArray.CreateBuilder<Applied>();
            if (json.Kind != JsonKind.Array || json.Items.Length > Limits.MaxEarlierValues)
                reader.Refuse($"earlier of {name} is not a list of at most {Limits.MaxEarlierValues} values");
            foreach (var item in json.Kind == JsonKind.Array ? json.Items : [])
            {
                if (TryReadValue(item, $"earlier of {name}", out var set, out var fault))
                    values.Add(set);
                else
                    reader.Refuse(fault);
            }
            result[name] = values.ToImmutable();
        }
        return result.ToImmutable();
    }

    private static bool TryReadValue(JsonValue json, string what, out Applied set, out string fault)
    {
        var inner = new MemberReader(json, what);
        set = new Applied(inner.Value("value"), inner.Integer("index", 0, Limits.MaxSafeInteger));
        return inner.Finish(out fault);
    }
}
