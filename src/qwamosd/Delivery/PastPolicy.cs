using System.Collections.Immutable;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Delivery;

/// <summary>What was policy in Dom0 at some entry of the ledger, and for whom it was. Immutable.</summary>
/// <param name="State">The fold of the entries before.</param>
/// <param name="Audiences">The domains that a change names, by the change's entry, of those that set what is policy or staged: others have another value, and keep it.</param>
internal sealed record PastPolicy(PolicyState State, ImmutableSortedDictionary<long, ImmutableArray<string>> Audiences)
{
    /// <summary>Before the first entry.</summary>
    public static PastPolicy Empty { get; } = new(PolicyState.Empty, ImmutableSortedDictionary<long, ImmutableArray<string>>.Empty);

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
        if (audiences.IsEmpty)
            return new PastPolicy(state, audiences);
        HashSet<long> used = [.. state.Policy.Values.Concat(state.Staged.Values).Concat(state.Earlier.Values.SelectMany(earlier => earlier)).Select(value => value.Index)];
        return new PastPolicy(state, audiences.RemoveRange(audiences.Keys.Where(entry => !used.Contains(entry))));
    }

    /// <summary>The form in which it is kept.</summary>
    public IEnumerable<(string Name, JsonValue Value)> ToMembers() =>
    [
        ("audiences", JsonValue.Array(Audiences.Select(pair => JsonValue.Array(JsonValue.Of(pair.Key), JsonValue.Array(pair.Value.Select(JsonValue.Of)))))),
        ("state", State.ToJson()),
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

        return PolicyStateDocument.TryRead(reader.Any("state"), out PolicyState? state, out _) ? new PastPolicy(state, audiences.ToImmutable()) : null;
    }
}
