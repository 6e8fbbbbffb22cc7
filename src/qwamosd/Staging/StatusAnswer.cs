using System.Collections.Frozen;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;
using Qwamos.Daemon.Auditing;

namespace Qwamos.Daemon.Staging;

/// <summary>What <c>get_status</c> shows, the most wanted first.</summary>
internal sealed class StatusAnswer(
    Prepared start, Checkpoints checkpoints, Func<PublishedState> published, Func<string, IReadOnlyList<(string Name, JsonValue Value)>> gateways, Func<bool> isFull, Func<string?> projectionFault, Func<RequestCounts> counts, StageTimes stages, TimeProvider time) : IStatusSource
{
    private const string NoEnforcer = "no enforcer";

    // What waited at this start for a key that counted no more; from here on only keys in force stage anything.
    private readonly FrozenSet<long> _foreign = [.. start.Loaded.State.Staged.Values.Select(staged => staged.Index).Where(index => !IsSignedInForce(start, index))];

    private readonly DisownedEntries _disowned = new(start.Ledger);

    private PolicySchema Schema => start.Schema;

    public IEnumerable<(string Name, JsonValue Value)> Describe(VerifiedMessage message)
    {
        // Whoever asks for the next page has seen the rest.
        if (message.Message.GatewaysAfter is { } after)
            return gateways(after);
        PublishedState now = published();
        JsonValue bases = HiddenValues.BaseHashes(Schema, now.Policy, Schema.Classes, isSigned: message.Signer is not null);
        // Who is about to make a change waits for no more than this.
        if (message.Message.AsksForBase)
            return [("base", bases)];
        // Only a signature that was verified opens confidential values: the verifier refuses the rest, and this asks again.
        bool reveal = message.Signer is not null && message.Message.AsksToReveal;
        return
        [
            ("policy", Values(now.Policy.Policy, reveal)),
            ("pending", Values(now.Policy.Staged, reveal)),
            .. Disowned(now.Policy) is { Members.Length: > 0 } disowned ? [("policy_disowned", disowned)] : Array.Empty<(string, JsonValue)>(),
            .. Refused(now.Policy) is { Members.Length: > 0 } refused ? [("pending_refused", refused)] : Array.Empty<(string, JsonValue)>(),
            ("defaults", Defaults(now.Policy)),
            ("base", bases),
            ("floor", JsonValue.Of(now.Policy.FloorSeconds)),
            ("clock", JsonValue.Of(time.GetUtcNow().ToUnixTimeSeconds())),
            ("size", JsonValue.Of(now.Size)),
            ("root_hash", JsonValue.Of(now.RootHash)),
            ("last_update", JsonValue.Of(now.LastUpdateSeconds)),
            ("schema", JsonValue.Of(Schema.Hash)),
            ("configuration", JsonValue.Of(start.Config.Hash)),
            ("system", JsonValue.Of(start.SystemId)),
            ("key_id", JsonValue.Of(start.Key.Id.ToString())),
            ("trust", now.Policy.Trust.ToStatus()),
            .. checkpoints.Carried,
            ("storage", JsonValue.Of(isFull() ? "full" : "ok")),
            ("projections", JsonValue.Shown(projectionFault() ?? "ok")),
            ("enforcement", Enforcement(now.Policy)),
            ("requests", Requests()),
            .. gateways(""),
            ("boot", Boot()),
            ("stages", Stages()),
        ];
    }

    private JsonValue Values(IEnumerable<KeyValuePair<string, Applied>> values, bool reveal) => JsonValue.Object(values.Select(pair =>
        (pair.Key, reveal ? pair.Value.Value.ToJson() : HiddenValues.ToJson(Schema, pair.Key, pair.Value.Value))));

    /// <summary>What is in force, was set by a key that is disowned since, and by nobody else after it.</summary>
    private JsonValue Disowned(PolicyState state) => Whys(state.Policy, pair => _disowned.WhyInForce(state, pair.Key, pair.Value));

    /// <summary>What is staged, and what the boot will not believe.</summary>
    private JsonValue Refused(PolicyState state) => Whys(state.Staged, pair => _disowned.Why(state, pair.Value.Index) ?? WhyForeign(pair.Value.Index));

    private static JsonValue Whys(IEnumerable<KeyValuePair<string, Applied>> values, Func<KeyValuePair<string, Applied>, string?> whyOf) =>
        JsonValue.Object(values.SelectMany(pair => whyOf(pair) is { } why ? new[] { (pair.Key, JsonValue.Of(why)) } : []));

    private string? WhyForeign(long index) =>
        _foreign.Contains(index) && start.Ledger.ReadEntry(index) is MessageEntry entry ? $"signed by {entry.Signer}, which is not enrolled any more" : null;

    private static bool IsSignedInForce(Prepared start, long index) =>
        start.Ledger.ReadEntry(index) is not MessageEntry entry || entry.Signers.All(key => start.Roots.InForce(index).FindKey(key) is not null);

    private JsonValue Defaults(PolicyState state) => JsonValue.Object(
        Schema.Keys.Where(key => !state.Policy.ContainsKey(key.Name)).Select(key => (key.Name, key.Default.ToJson())));

    /// <summary>Nothing acts on runtime keys of Dom0's class and the user interface's where no domain of that class is delivered to; each domain reports its own, and the boot its.</summary>
    private JsonValue Enforcement(PolicyState state) => JsonValue.Object(Schema.Keys
        .Where(key => key.Apply == PolicyApply.Runtime && key.Class is DaemonConfig.Dom0 or DaemonConfig.Ui && !start.Config.Serves(key.Class) && state.Policy.ContainsKey(key.Name))
        .Select(key => (key.Name, JsonValue.Of(NoEnforcer))));

    private JsonValue Requests()
    {
        RequestCounts now = counts();
        IEnumerable<(string, JsonValue)> refused = ErrorCodes.All.Where(code => now.Refused(code) > 0)
            .Select(code => (ErrorCodes.Name(code), JsonValue.Of(now.Refused(code))));
        return JsonValue.Object([("accepted", JsonValue.Of(now.Accepted)), ("refused", JsonValue.Object(refused))]);
    }

    /// <summary>How often each stage ran, and which time half of them and 99 of 100 were within, by the histogram's buckets; what took longer than the longest has none.</summary>
    private JsonValue Stages() => JsonValue.Object(Enum.GetValues<RequestStage>().Select(stage => (
        stage.ToString().ToLowerInvariant(),
        JsonValue.Object(
        [
            ("count", JsonValue.Of(stages.Count(stage))),
            ("p50_us", Microseconds(stages.Within(stage, 0.5))),
            ("p99_us", Microseconds(stages.Within(stage, 0.99))),
        ]))));

    private static JsonValue Microseconds(TimeSpan? time) => time is { } known ? JsonValue.Of((long)known.TotalMicroseconds) : JsonValue.Null;

    /// <summary>The last boot that applied something or put it back, what is not wholly in force since an earlier one, and what stays put back.</summary>
    private JsonValue Boot()
    {
        BootAssessment assessment = start.Assessment;
        SortedDictionary<string, string> results = new(StringComparer.Ordinal);
        foreach (BootResult result in start.LastBoot?.Results ?? [])
            results[result.Key] = result.Result;
        foreach ((string key, BootValue value) in assessment.Values.Where(pair => pair.Value.Result == BootResult.InForceAfterReboot))
            results[key] = value.Result;
        if (start.LastBoot is null && results.Count + assessment.Returned.Count == 0)
            return JsonValue.Null;
        return JsonValue.Object(
        [
            ("time", JsonValue.Of(start.LastBoot?.TimeSeconds ?? 0)),
            ("results", JsonValue.Object(results.Select(pair => (pair.Key, JsonValue.Shown(pair.Value))))),
            .. assessment.Returned.Count == 0
                ? Array.Empty<(string, JsonValue)>()
                : [("put_back", JsonValue.Object(assessment.Returned.Select(pair => (pair.Key, JsonValue.Shown(pair.Value.Sentence)))))],
        ]);
    }
}
