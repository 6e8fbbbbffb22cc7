using System.Collections.Frozen;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>What a domain says of one policy key.</summary>
/// <param name="Desired">The value that the policy has; a confidential one is <c>"(hidden)"</c>.</param>
/// <param name="Observed">The value that is there; null where nobody knows.</param>
/// <param name="State">One of <see cref="States"/>.</param>
/// <param name="SinceSeconds">Since when, by the domain's clock, unix seconds; null when that is not known.</param>
/// <param name="Index">The entry of Dom0's ledger that set it; null for a default, and for what came another way.</param>
/// <param name="Why">Why the two differ, at most 96 code points; null when they do not.</param>
/// <param name="DriftedSeconds">When somebody else was last found to have changed it, unix seconds; null when nobody was since the start.</param>
public sealed record ReportedKey(JsonValue Desired, JsonValue? Observed, string State, long? SinceSeconds, long? Index, string? Why, long? DriftedSeconds)
{
    /// <summary>It is there.</summary>
    public const string InForce = "in_force";

    /// <summary>It is being put in force.</summary>
    public const string Waiting = "waiting";

    /// <summary>It waits for the domain's next start.</summary>
    public const string Staged = "staged";

    /// <summary>It could not be put in force.</summary>
    public const string Failed = "failed";

    /// <summary>It was in force, and somebody else has changed it.</summary>
    public const string Drifted = "drifted";

    /// <summary>Nothing in the domain acts on the key.</summary>
    public const string NoEnforcer = "no_enforcer";

    /// <summary>What the key guards is closed until a key is set.</summary>
    public const string Closed = "closed";

    /// <summary>Longest <see cref="Why"/>.</summary>
    public const int MaxWhyCodePoints = 96;

    /// <summary>Longest value as JSON; a longer one is shown as its beginning.</summary>
    public const int MaxValueCodePoints = 64;

    /// <summary>The closed list.</summary>
    public static FrozenSet<string> States { get; } = new[] { InForce, Waiting, Staged, Failed, Drifted, NoEnforcer, Closed }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>A value as a report has it: a scalar, and not long.</summary>
    public static JsonValue Short(JsonValue value) =>
        value.TryGetString(out var text) && CodePoints.Count(text) > MaxValueCodePoints ? JsonValue.Shown(CodePoints.Take(text, MaxValueCodePoints - 3) + "...") : value;

    /// <summary>The form in a report.</summary>
    public JsonValue ToJson() => JsonValue.Object(
    [
        ("desired", Desired),
        ("observed", Observed ?? JsonValue.Null),
        ("state", JsonValue.Of(State)),
        ("since", Number(SinceSeconds)),
        ("index", Number(Index)),
        .. Why is null ? [] : new[] { ("why", JsonValue.Of(Why)) },
        .. DriftedSeconds is { } drifted ? [("drifted", JsonValue.Of(drifted))] : Array.Empty<(string, JsonValue)>(),
    ]);

    /// <summary>Reads that form; what is wrong is a fault of the outer reader's.</summary>
    public static ReportedKey Read(string name, JsonValue json, MemberReader outer)
    {
        var reader = new MemberReader(json, name);
        var (desired, observed) = (reader.Any("desired"), reader.Any("observed"));
        var state = reader.Text("state", MaxValueCodePoints);
        if (!IsValue(desired) || (observed.Kind != JsonKind.Null && !IsValue(observed)))
            reader.Refuse($"{name}: desired or observed is no value, or a long one");
        if (!States.Contains(state))
            reader.Refuse($"{name}: state is none of {string.Join(", ", States.Order(StringComparer.Ordinal))}");
        var key = new ReportedKey(
            desired, observed.Kind == JsonKind.Null ? null : observed, state, OptionalNumber(reader, "since"), OptionalNumber(reader, "index"),
            reader.TextIfPresent("why", MaxWhyCodePoints), reader.AnyIfPresent("drifted") is { } drifted && drifted.TryGetInteger(out var seconds) ? seconds : null);
        if (!reader.Finish(out var fault))
            outer.Refuse(fault);
        return key;
    }

    // No policy value is another number than an integer, and canonical JSON has no form for every other one.
    private static bool IsValue(JsonValue value) => value.Kind is JsonKind.Boolean || value.TryGetInteger(out _) || (value.TryGetString(out var text) && CodePoints.Count(text) <= MaxValueCodePoints);

    private static long? OptionalNumber(MemberReader reader, string name)
    {
        var value = reader.Any(name);
        if (value.Kind == JsonKind.Null)
            return null;
        if (value.TryGetInteger(out var number) && number >= 0)
            return number;
        reader.Refuse($"{name} is neither null nor a number from 0 on");
        return null;
    }

    private static JsonValue Number(long? number) => number is { } known ? JsonValue.Of(known) : JsonValue.Null;
}
