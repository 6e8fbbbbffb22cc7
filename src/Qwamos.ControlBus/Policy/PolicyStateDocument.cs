using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>The snapshot form of <see cref="PolicyState"/>; reading is strict, for a snapshot that is not wholly understood must not be believed.</summary>
public static class PolicyStateDocument
{
    private const long Format = 1;

    internal static JsonValue Write(PolicyState state) => JsonValue.Object(
    [
        ("format", JsonValue.Of(Format)),
        ("policy", WriteValues(state.Policy)),
        ("staged", WriteValues(state.Staged)),
        ("timestamps", JsonValue.Object(state.LastTimestamps.Select(pair => (pair.Key, JsonValue.Of(pair.Value))))),
        ("floor", JsonValue.Of(state.FloorSeconds)),
        ("last_note", JsonValue.Of(state.LastNote)),
    ]);

    /// <summary>Reads what <see cref="PolicyState.ToJson"/> wrote; any other member, format or type is a fault.</summary>
    public static bool TryRead(JsonValue document, [NotNullWhen(true)] out PolicyState? state, out string fault)
    {
        ArgumentNullException.ThrowIfNull(document);
        state = null;
        var reader = new MemberReader(document, "the state");
        var format = reader.Integer("format", Format, Format);
        var policy = ReadValues(reader, "policy");
        var staged = ReadValues(reader, "staged");
        var timestamps = ReadTimestamps(reader);
        var floor = reader.Integer("floor", 0, Limits.MaxSafeInteger);
        var lastNote = reader.Integer("last_note", 0, Limits.MaxSafeInteger);
        if (!reader.Finish(out fault))
            return false;
        state = new PolicyState { Policy = policy, Staged = staged, LastTimestamps = timestamps, FloorSeconds = floor, LastNote = lastNote };
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

    private static JsonValue WriteValues(ImmutableSortedDictionary<string, Applied> values) => JsonValue.Object(values.Select(pair =>
        (pair.Key, JsonValue.Object([("value", pair.Value.Value.ToJson()), ("index", JsonValue.Of(pair.Value.Index))]))));

    private static ImmutableSortedDictionary<string, Applied> ReadValues(MemberReader reader, string member)
    {
        var result = ImmutableSortedDictionary.CreateBuilder<string, Applied>(StringComparer.Ordinal);
        foreach (var (name, json) in reader.Object(member))
        {
            var inner = new MemberReader(json, $"{member} of {name}");
            var value = inner.Value("value");
            var index = inner.Integer("index", 0, Limits.MaxSafeInteger);
            if (inner.Finish(out var fault))
                result[name] = new Applied(value, index);
            else
                reader.Refuse(fault);
        }
        return result.ToImmutable();
    }
}
