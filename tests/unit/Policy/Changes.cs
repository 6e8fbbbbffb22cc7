using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;
using Xunit;

namespace Qwamos.ControlBus.Tests.Policy;

/// <summary>Makes messages and decides them, from and to short JSON text.</summary>
internal static class Changes
{
    public const long T = 1_700_000_000;

    public static PolicySchema Schema => PolicySchema.BuiltIn;

    public static JsonValue Parse(string text)
    {
        var isJson = StrictJson.TryParse(System.Text.Encoding.UTF8.GetBytes(text), out var value, out var fault);
        Assert.True(isJson, fault);
        return value!;
    }

    public static Message Message(
        string args, long timestamp = T, string? mode = null, string[]? audience = null, Dictionary<string, string>? @base = null)
        => Message(Commands.SetPolicy, args, timestamp, mode, audience, @base);

    public static Message Message(
        string command, string args, long timestamp = T, string? mode = null, string[]? audience = null, Dictionary<string, string>? @base = null)
    {
        var draft = new MessageDraft
        {
            Command = command,
            Args = Parse(args),
            Nonce = Nonce.Random(),
            Timestamp = timestamp,
            Mode = mode,
            Audience = audience,
            Base = @base,
        };
        var isBuilt = EnvelopeWriter.TryBuild(draft, out var message, out var refusal);
        Assert.True(isBuilt, refusal?.Reason);
        return message!;
    }

    public static PolicyDecision Decide(PolicyState state, Message message, DomainScope? scope = null, long index = 7, PolicySchema? schema = null)
        => PolicyRules.Decide(schema ?? Schema, state, message, scope ?? DomainScope.Authority, index);

    /// <summary>Decides a change that must be accepted, and gives the state after it.</summary>
    public static PolicyState After(
        this PolicyState state, string args, long timestamp = T, string? mode = null, long index = 7, DomainScope? scope = null)
        => Accepted(state, Message(args, timestamp, mode), scope, index).State;

    public static (ChangeOutcome Outcome, PolicyState State) Accepted(
        PolicyState state, Message message, DomainScope? scope = null, long index = 7, PolicySchema? schema = null)
    {
        var isAccepted = Decide(state, message, scope, index, schema).TryGet(out var outcome, out var next, out var refusal);
        Assert.True(isAccepted, refusal?.Reason);
        return (outcome!, next!);
    }

    public static Refusal Refused(PolicyState state, Message message, DomainScope? scope = null, PolicySchema? schema = null)
    {
        Assert.False(Decide(state, message, scope, schema: schema).TryGet(out _, out _, out var refusal));
        return refusal!;
    }

    /// <summary>A schema of the given keys, each <c>"NAME": {...}</c> without its <c>x-qwamos</c> unless it gives one.</summary>
    public static string SchemaOf(params string[] keys)
        => "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" + string.Join(",", keys) + "}}";

    public static string Key(string name, string rest, string apply = "runtime", string @class = "gateway", string flags = "")
    {
        string Flag(string flag) => $"\"{flag}\":{(flags.Contains(flag, StringComparison.Ordinal) ? "true" : "false")}";
        return $"\"{name}\":{{{rest},\"x-qwamos\":{{\"apply\":\"{apply}\",\"class\":\"{@class}\","
            + $"{Flag("event")},{Flag("confidential")},{Flag("irreversible")}}}}}";
    }

    public static PolicySchema LoadSchema(string text)
    {
        var isLoaded = PolicySchema.TryLoad(System.Text.Encoding.UTF8.GetBytes(text), out var schema, out var fault);
        Assert.True(isLoaded, fault);
        return schema!;
    }
}
