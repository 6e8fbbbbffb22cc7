using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;
using Qwamos.Gateway.Enforcing;

namespace Qwamos.Gateway.Receiving;

/// <summary>What the gateway says of itself: in its answer to <c>get_status</c>, and, shorter and never revealing, in status.json.</summary>
internal sealed class ReceiverStatus(ReceiverSettings settings, Writer writer, Enforcer enforcer, Func<string> projections, Func<JsonValue> witness, TimeProvider time)
    : IStatusSource
{
    public IEnumerable<(string Name, JsonValue Value)> Describe(VerifiedMessage message)
    {
        PublishedState state = writer.Published;
        JsonValue bases = HiddenValues.BaseHashes(settings.Schema, state.Policy, [settings.Domain.Class], isSigned: message.Signer is not null);
        if (message.Message.AsksForBase)
        {
            yield return ("base", bases);
            yield break;
        }
        bool reveals = message.Signer is not null && message.Message.AsksToReveal;
        yield return ("policy", Values(state.Policy.Policy, reveals));
        yield return ("pending", Values(state.Policy.Staged, reveals));
        yield return ("defaults", Defaults(state.Policy));
        yield return ("base", bases);
        yield return ("enforcement", Enforcement());
        yield return ("floor", JsonValue.Of(state.Policy.FloorSeconds));
        yield return ("clock", JsonValue.Of(time.GetUtcNow().ToUnixTimeSeconds()));
        yield return ("size", JsonValue.Of(state.Size));
        yield return ("root_hash", JsonValue.Of(state.RootHash));
        yield return ("schema", JsonValue.Of(settings.Schema.Hash));
        yield return ("system", settings.SystemId is { } id ? JsonValue.Of(id) : JsonValue.Null);
        yield return ("key_id", JsonValue.Of(settings.Anchor.Id.ToString()));
        yield return ("trust", state.Policy.Trust.ToStatus());
        yield return ("domain", JsonValue.Object([("name", JsonValue.Of(settings.Domain.Name)), ("class", JsonValue.Of(settings.Domain.Class))]));
        if (settings.Scope.LeavesRebootKeys)
            yield return ("left_to_boot", JsonValue.Array(settings.Schema.Keys.Where(key => key.Apply == PolicyApply.Reboot && key.Class is DaemonConfig.Dom0 or PolicyKey.ClassAll).Select(key => JsonValue.Of(key.Name))));
        yield return ("delivery", Delivery(state.Policy));
        yield return ("witness", witness());
        yield return ("projections", JsonValue.Shown(projections()));
    }

    /// <summary>The content of status.json.</summary>
    public byte[] Document()
    {
        PublishedState state = writer.Published;
        return JsonText.Line(JsonValue.Object(
        [
            ("policy", Values(state.Policy.Policy, reveals: false)),
            ("last_update", JsonValue.Of(state.LastUpdateSeconds)),
            ("pending", Values(state.Policy.Staged, reveals: false)),
            ("enforcement", Enforcement()),
            ("size", JsonValue.Of(state.Size)),
            ("root_hash", JsonValue.Of(state.RootHash)),
            ("trust", state.Policy.Trust.ToStatus()),
        ]));
    }

    private static JsonValue Delivery(PolicyState state) => state.Delivered == DeliveryCursor.None
        ? JsonValue.Null
        : JsonValue.Object([("seq", JsonValue.Of(state.Delivered.Sequence)), ("index", JsonValue.Of(state.Delivered.Index))]);

    private JsonValue Values(IEnumerable<KeyValuePair<string, Applied>> values, bool reveals) =>
        JsonValue.Object(values.Select(pair =>
            (pair.Key, reveals ? pair.Value.Value.ToJson() : HiddenValues.ToJson(settings.Schema, pair.Key, pair.Value.Value))));

    private JsonValue Defaults(PolicyState state) =>
        JsonValue.Object(settings.Schema.Keys
            .Where(key => settings.Scope.Includes(key) && !state.Policy.ContainsKey(key.Name))
            .Select(key => (key.Name, HiddenValues.ToJson(settings.Schema, key.Name, key.Default))));

    private JsonValue Enforcement() =>
        JsonValue.Object(enforcer.Outcomes.Select(pair => (pair.Key, JsonValue.Shown(pair.Value.ToString()))));
}
