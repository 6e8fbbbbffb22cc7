using System.Collections.Immutable;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Delivery;

using Newest = ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, Applied>>;

/// <summary>What was policy in Dom0 at some entry of the ledger, and for whom it was; and what each domain was told last. Immutable.</summary>
/// <param name="State">The fold of the entries before.</param>
/// <param name="Audiences">The domains that a change names, by the change's entry, of those that set what is policy or staged: others have another value, and keep it.</param>
/// <param name="Told">By key and domain, the newest change: under <see cref="All"/> that for all domains, and those after it that name some. What a boot of Dom0 put back is not put back elsewhere.</param>
internal sealed record PastPolicy(PolicyState State, ImmutableSortedDictionary<long, ImmutableArray<string>> Audiences, Newest Told)
{
    /// <summary>No domain has this name.</summary>
    private const string All = "";

    private static readonly ImmutableSortedDictionary<string, Applied> Nobody = ImmutableSortedDictionary.Create<string, Applied>(StringComparer.Ordinal);

    /// <summary>Before the first entry.</summary>
    public static PastPolicy Empty { get; } = new(
        PolicyState.Empty, ImmutableSortedDictionary<long, ImmutableArray<string>>.Empty, ImmutableSortedDictionary.Create<string, ImmutableSortedDictionary<string, Applied>>(StringComparer.Ordinal));

    /// <summary>The newest change of each key that is for a domain, whatever the domain's class.</summary>
    public IEnumerable<KeyValuePair<string, Applied>> ToldTo(string domain)
    {
        foreach ((string key, ImmutableSortedDictionary<string, Applied> sets) in Told)
        {
            if (sets.TryGetValue(domain, out Applied set) || sets.TryGetValue(All, out set))
                yield return KeyValuePair.Create(key, set);
        }
    }

    /// <summary>Whether the value that a key has was set for a domain.</summary>
    public bool IsFor(string domain, string key) =>
        !State.Policy.TryGetValue(key, out Applied set) || !Audiences.TryGetValue(set.Index, out ImmutableArray<string> audience) || audience.Contains(domain, StringComparer.Ordinal);

    /// <summary>The policy after one more entry.</summary>
    /// <exception cref="InvalidDataException">The decision names a key that its message does not set.</exception>
    public PastPolicy After(LedgerEntry entry, long index) => entry is MessageEntry { Outcome: { } outcome, Message: var message }
        ? After(message, outcome, index)
        : this with { State = LedgerFold.Apply(State, entry, index) };

    /// <summary>The same for an accepted change.</summary>
    /// <inheritdoc cref="After(LedgerEntry, long)"/>
    public PastPolicy After(Message message, ChangeOutcome outcome, long index)
    {
        PolicyState state = State.Accept(message.Args!, outcome, message.Timestamp!.Value, index);
        ImmutableSortedDictionary<long, ImmutableArray<string>> audiences = message.Audience is { } audience ? Audiences.SetItem(index, [.. audience]) : Audiences;
        Newest told = After(Told, message, outcome, index);
        if (audiences.IsEmpty)
            return new PastPolicy(state, audiences, told);
        HashSet<long> used = [.. state.Policy.Values.Concat(state.Staged.Values).Concat(state.Earlier.Values.SelectMany(earlier => earlier)).Select(value => value.Index)];
        return new PastPolicy(state, audiences.RemoveRange(audiences.Keys.Where(entry => !used.Contains(entry))), told);
    }

    private static Newest After(Newest told, Message message, ChangeOutcome outcome, long index)
    {
        foreach ((string key, JsonValue json) in message.Args!.Members)
        {
            if (!PolicyValue.TryFrom(json, out PolicyValue value))
                throw new InvalidDataException($"it sets {key} to what is no value");
            var set = new Applied(EventValues.IsFire(value) ? PolicyValue.Of(EventValues.Disarmed) : value, index);
            ImmutableSortedDictionary<string, Applied> before = told.GetValueOrDefault(key, Nobody);
            bool hasNoEffect = !outcome.Applied.Contains(key) && !outcome.Staged.Contains(key) && !outcome.Unstaged.Contains(key);
            // A domain that has the value already keeps the entry of the change that set it there.
            KeyValuePair<string, Applied> For(string name) =>
                KeyValuePair.Create(name, hasNoEffect && (before.TryGetValue(name, out Applied had) || before.TryGetValue(All, out had)) && had.Value.Equals(set.Value) ? had : set);
            KeyValuePair<string, Applied> all = For(All);
            told = told.SetItem(key, message.Audience is { } names ? before.SetItems(names.Select(For)) : Nobody.SetItems(before.Keys.Select(For).Where(one => one.Value != all.Value).Append(all)));
        }

        return told;
    }

    /// <summary>The same without names that no domain has by now.</summary>
    public PastPolicy Only(IReadOnlySet<string> domains) => this with
    {
        Audiences = Audiences.ToImmutableSortedDictionary(pair => pair.Key, pair => pair.Value.RemoveAll(name => !domains.Contains(name))),
        Told = Told.ToImmutableSortedDictionary(key => key.Key, key => key.Value.RemoveRange(key.Value.Keys.Where(name => name != All && !domains.Contains(name))), StringComparer.Ordinal),
    };

    /// <summary>The form in which it is kept.</summary>
    public IEnumerable<(string Name, JsonValue Value)> ToMembers() =>
    [
        ("audiences", JsonValue.Array(Audiences.Select(pair => JsonValue.Array(JsonValue.Of(pair.Key), JsonValue.Array(pair.Value.Select(JsonValue.Of)))))),
        ("state", State.ToJson()),
        ("told", JsonValue.Array(Told.SelectMany(key => key.Value.Select(set => JsonValue.Array(JsonValue.Of(key.Key), JsonValue.Of(set.Key), JsonValue.Of(set.Value.Index), set.Value.Value.ToJson()))))),
    ];

    /// <summary>Reads that form; null, or a fault of the reader's, for any other.</summary>
    public static PastPolicy? Read(MemberReader reader)
    {
        var audiences = Empty.Audiences.ToBuilder();
        foreach (JsonValue pair in reader.Array("audiences", int.MaxValue))
        {
            if (pair is { Kind: JsonKind.Array, Items: [var number, { Kind: JsonKind.Array } list] } && number.TryGetInteger(out long index) && list.Items.All(item => item.TryGetString(out _)))
                audiences[index] = [.. list.Items.Select(item => item.AsString)];
            else
                reader.Refuse("audiences holds something else than pairs of an entry and names");
        }

        Newest told = Empty.Told;
        foreach (JsonValue item in reader.Array("told", int.MaxValue))
        {
            if (item is { Kind: JsonKind.Array, Items: [var key, var name, var number, var json] } && key.TryGetString(out string? keyName) && name.TryGetString(out string? domain) && number.TryGetInteger(out long index) && PolicyValue.TryFrom(json, out PolicyValue value))
                told = told.SetItem(keyName, told.GetValueOrDefault(keyName, Nobody).SetItem(domain, new Applied(value, index)));
            else
                reader.Refuse("told holds something else than a key, a domain, an entry and a value");
        }

        return PolicyStateDocument.TryRead(reader.Any("state"), out PolicyState? state, out _) ? new PastPolicy(state, audiences.ToImmutable(), told) : null;
    }
}
