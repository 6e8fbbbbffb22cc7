using System.Collections.Immutable;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Delivery;

/// <summary>What was policy in Dom0 at some entry of the ledger, and for whom it was. Immutable.</summary>
/// <param name="State">The fold of the entries before.</param>
/// <param name="Addressed">Keys whose value a change set that names its audience, with the domains that it names: others have another value, and keep it.</param>
internal sealed record PastPolicy(PolicyState State, ImmutableSortedDictionary<string, ImmutableArray<string>> Addressed)
{
    /// <summary>Before the first entry.</summary>
    public static PastPolicy Empty { get; } = new(PolicyState.Empty, ImmutableSortedDictionary.Create<string, ImmutableArray<string>>(StringComparer.Ordinal));

    /// <summary>Whether the value of a key was set for a domain.</summary>
    public bool IsFor(string domain, string key) => !Addressed.TryGetValue(key, out ImmutableArray<string> audience) || audience.Contains(domain, StringComparer.Ordinal);

    /// <summary>The policy after one more entry.</summary>
    /// <exception cref="InvalidDataException">The decision names a key that its message does not set.</exception>
    public PastPolicy After(LedgerEntry entry, long index) => entry is MessageEntry { Outcome: { } outcome, Message: var message }
        ? After(message, outcome, index)
        : this with { State = LedgerFold.Apply(State, entry, index) };

    /// <summary>The same for an accepted change.</summary>
    /// <inheritdoc cref="After(LedgerEntry, long)"/>
    public PastPolicy After(Message message, ChangeOutcome outcome, long index)
    {
        ImmutableSortedDictionary<string, ImmutableArray<string>> addressed = message.Audience is { } audience
            ? Addressed.SetItems(outcome.Applied.Concat(outcome.Staged).Select(key => KeyValuePair.Create(key, audience.ToImmutableArray())))
            : Addressed.RemoveRange(outcome.Applied.Concat(outcome.Staged));
        return new PastPolicy(State.Accept(message.Args!, outcome, message.Timestamp!.Value, index), addressed);
    }

    /// <summary>The form in which it is kept.</summary>
    public IEnumerable<(string Name, JsonValue Value)> ToMembers() =>
    [
        ("addressed", JsonValue.Object(Addressed.Select(pair => (pair.Key, JsonValue.Array(pair.Value.Select(JsonValue.Of)))))),
        ("state", State.ToJson()),
    ];

    /// <summary>Reads that form; null, or a fault of the reader's, for any other.</summary>
    public static PastPolicy? Read(MemberReader reader)
    {
        var addressed = Empty.Addressed.ToBuilder();
        foreach ((string key, JsonValue list) in reader.Object("addressed"))
        {
            if (list.Kind == JsonKind.Array && list.Items.All(item => item.TryGetString(out _)))
                addressed[key] = [.. list.Items.Select(item => item.AsString)];
            else
                reader.Refuse("addressed holds something else than lists of names");
        }

        return PolicyStateDocument.TryRead(reader.Any("state"), out PolicyState? state, out _) ? new PastPolicy(state, addressed.ToImmutable()) : null;
    }
}
