using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// What root remembers of the values that its appliers put in place (`/var/lib/qwamos-boot/assessment.json`): which are on trial, how many boots they
/// have left, and what is put back when those are spent. Out of qwamosd's reach, so that its account can forge neither the count nor a boot that
/// completed. Immutable.
/// </summary>
public sealed record BootAssessment
{
    private const long Format = 1;

    /// <summary>Nothing was ever put in place.</summary>
    public static BootAssessment Empty { get; } = new();

    /// <summary>The boot that was counted last; empty when none was since the values went on trial.</summary>
    public string Boot { get; init; } = "";

    /// <summary>How many boots values on trial get.</summary>
    public int Tries { get; init; }

    /// <summary>How many they have after the one that was counted last.</summary>
    public int TriesLeft { get; init; }

    /// <summary>Policy key to what is in place.</summary>
    public ImmutableSortedDictionary<string, BootValue> Values { get; init; } = ImmutableSortedDictionary.Create<string, BootValue>(StringComparer.Ordinal);

    /// <summary>Policy key to what was put back, until a newer change of the key is applied.</summary>
    public ImmutableSortedDictionary<string, PutBack> Returned { get; init; } = ImmutableSortedDictionary.Create<string, PutBack>(StringComparer.Ordinal);

    /// <summary>The boot in which something was put back last: nothing that is staged is applied in it any more.</summary>
    public string ReturnedIn { get; init; } = "";

    /// <summary>What a boot that does not complete counts against.</summary>
    public IEnumerable<KeyValuePair<string, BootValue>> OnTrial => Values.Where(pair => pair.Value.State == BootValueState.Trial);

    /// <summary>True when a boot has to be counted.</summary>
    public bool HasTrial => OnTrial.Any();

    /// <summary>Whether this is the change that was put back: it is not applied again.</summary>
    public bool IsReturned(string key, Applied staged) => Returned.TryGetValue(key, out var known) && known.Away == staged;

    /// <summary>This boot is one of the tries.</summary>
    public BootAssessment Count(string boot) => this with { Boot = boot, TriesLeft = Math.Max(0, TriesLeft - 1) };

    /// <summary>The value is put in place now, in this boot (null: after it had completed, so that the next boot is the first try).</summary>
    /// <param name="key">The policy key.</param>
    /// <param name="set">The value.</param>
    /// <param name="expected">What it will be when it is applied.</param>
    /// <param name="before">The last known good where this knows none: what the key had before there was this file.</param>
    /// <param name="boot">This boot.</param>
    /// <param name="tries">How many boots it gets.</param>
    public BootAssessment Try(string key, Applied set, string expected, Applied? before, string? boot, int tries)
    {
        // Begun before, and killed: what it has proven since stands.
        if (Values.TryGetValue(key, out var known) && known.Set == set)
            return this;
        var value = new BootValue(set, expected, BootValueState.Trial, known is null ? before : known.LastGood);
        return this with { Values = Values.SetItem(key, value), Returned = Returned.Remove(key), Boot = boot ?? "", Tries = tries, TriesLeft = boot is null ? tries : tries - 1 };
    }

    /// <summary>What an applier said of a value. One that comes wholly into force only now goes on trial again.</summary>
    public BootAssessment Observed(string key, long index, string result, string? boot, int tries)
    {
        if (!Values.TryGetValue(key, out var known) || known.Set.Index != index)
            return this;
        var turns = known.State == BootValueState.Waiting && result != BootResult.InForceAfterReboot;
        var after = this with { Values = Values.SetItem(key, known with { Result = result, State = turns ? BootValueState.Trial : known.State }) };
        return turns ? after with { Boot = boot ?? "", Tries = tries, TriesLeft = boot is null ? tries : tries - 1 } : after;
    }

    /// <summary>The value could not be put in place, and what was there before is there again. It takes no try from what was on trial before it.</summary>
    public BootAssessment Without(string key, BootAssessment earlier)
    {
        ArgumentNullException.ThrowIfNull(earlier);
        var values = earlier.Values.TryGetValue(key, out var value) ? Values.SetItem(key, value) : Values.Remove(key);
        var isAsBefore = values.SequenceEqual(earlier.Values);
        return isAsBefore ? earlier : this with { Values = values, Returned = earlier.Returned.TryGetValue(key, out var back) ? Returned.SetItem(key, back) : Returned };
    }

    /// <summary>The last known good stands in the place of a value.</summary>
    public BootAssessment Return(PutBack back, string boot) => this with
    {
        Values = back.Good is { } good ? Values.SetItem(back.Key, new BootValue(good, back.Result, BootValueState.Good, null)) : Values.Remove(back.Key),
        Returned = Returned.SetItem(back.Key, back),
        Boot = boot,
        ReturnedIn = boot,
        TriesLeft = 0,
    };

    /// <summary>This boot has completed: what it tried has proven itself as far as it is in force. A boot that was not counted proves nothing.</summary>
    /// <param name="boot">This boot.</param>
    /// <param name="isInPlace">Whether the value is there, by looking: what was never applied to its end proves nothing.</param>
    public BootAssessment Complete(string boot, Func<string, PolicyValue, bool> isInPlace)
    {
        ArgumentNullException.ThrowIfNull(isInPlace);
        if (boot != Boot)
            return this;
        var values = Values;
        foreach (var (key, value) in OnTrial.Where(pair => isInPlace(pair.Key, pair.Value.Set.Value)))
        {
            values = values.SetItem(key, value.Result == BootResult.InForceAfterReboot
                ? value with { State = BootValueState.Waiting }
                : value with { State = BootValueState.Good, Before = null });
        }
        return values == Values ? this : this with { Values = values, TriesLeft = values.Values.Any(value => value.State == BootValueState.Trial) ? TriesLeft : 0 };
    }

    /// <summary>The file's content: equal assessments give equal bytes.</summary>
    public byte[] Write() => JsonText.Line(ToJson());

    public JsonValue ToJson() => JsonValue.Object(
    [
        ("format", JsonValue.Of(Format)),
        ("boot", JsonValue.Of(Boot)),
        ("tries", JsonValue.Of(Tries)),
        ("tries_left", JsonValue.Of(TriesLeft)),
        ("values", JsonValue.Object(Values.Select(pair => (pair.Key, pair.Value.ToJson())))),
        ("put_back", JsonValue.Object(Returned.Select(pair => (pair.Key, pair.Value.ToJson())))),
        ("put_back_in", JsonValue.Of(ReturnedIn)),
    ]);

    /// <summary>Reads the file's content; the fault is one sentence.</summary>
    public static bool TryParse(ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out BootAssessment? assessment, out string fault)
    {
        assessment = null;
        return StrictJson.TryParse(utf8, out var document, out fault!) && TryRead(document, out assessment, out fault);
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote; any other member, format or value is a fault.</summary>
    public static bool TryRead(JsonValue document, [NotNullWhen(true)] out BootAssessment? assessment, out string fault)
    {
        ArgumentNullException.ThrowIfNull(document);
        assessment = null;
        var reader = new MemberReader(document, "the assessment");
        reader.Integer("format", Format, Format);
        var read = new BootAssessment
        {
            Boot = reader.Text("boot", BootId.Digits),
            Tries = (int)reader.Integer("tries", 0, Limits.MaxBootTries),
            TriesLeft = (int)reader.Integer("tries_left", 0, Limits.MaxBootTries),
            Values = Keyed(reader, "values", (_, json) => BootValue.Read(json, reader)),
            Returned = Keyed(reader, "put_back", (key, json) => ReadPutBack(key, json, reader)),
            ReturnedIn = reader.Text("put_back_in", BootId.Digits),
        };
        if (reader.Finish(out fault))
            assessment = read;
        return assessment is not null;
    }

    private static PutBack ReadPutBack(string key, JsonValue json, MemberReader outer)
    {
        var reader = new MemberReader(json, "what was put back");
        var read = PutBack.Read(key, reader);
        if (!reader.Finish(out var fault))
            outer.Refuse(fault);
        return read;
    }

    private static ImmutableSortedDictionary<string, T> Keyed<T>(MemberReader reader, string name, Func<string, JsonValue, T> read)
    {
        var values = ImmutableSortedDictionary.CreateBuilder<string, T>(StringComparer.Ordinal);
        foreach (var (key, json) in reader.Object(name))
        {
            if (values.Count < Limits.MaxPolicyKeys && Encoding.UTF8.GetByteCount(key) <= Limits.MaxPolicyKeyNameBytes)
                values[key] = read(key, json);
            else
                reader.Refuse($"{name} names more than {Limits.MaxPolicyKeys} keys, or one with a longer name than a key has");
        }
        return values.ToImmutable();
    }
}
