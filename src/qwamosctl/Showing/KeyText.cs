using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Showing;

/// <summary>Keys of the policy table and their values, in words.</summary>
internal static class KeyText
{
    /// <summary>A value as a person types it: strings bare, booleans true and false.</summary>
    public static string Of(PolicyValue value) => SafeText.ForTerminal(value.ToLine());

    /// <summary>A value out of an answer.</summary>
    public static string Of(JsonValue value) => SafeText.ForTerminal(value.Kind == JsonKind.String ? value.AsString : JsonPrinter.Print(value));

    public static JsonValue ToJson(PolicyKey key)
    {
        List<(string, JsonValue)> members = [("name", JsonValue.Of(key.Name)), ("type", JsonValue.Of(key.Type.ToString().ToLowerInvariant()))];
        if (key.Values.Count > 0)
            members.Add(("values", JsonValue.Array(key.Values.Select(value => value.ToJson()))));
        if (key.Minimum is { } minimum)
            members.Add(("minimum", JsonValue.Of(minimum)));
        if (key.Maximum is { } maximum)
            members.Add(("maximum", JsonValue.Of(maximum)));
        members.Add(("default", key.Default.ToJson()));
        members.Add(("apply", JsonValue.Of(key.Apply == PolicyApply.Runtime ? "runtime" : "reboot")));
        members.Add(("class", JsonValue.Of(key.Class)));
        members.Add(("event", JsonValue.Of(key.IsEvent)));
        members.Add(("confidential", JsonValue.Of(key.IsConfidential)));
        members.Add(("irreversible", JsonValue.Of(key.IsIrreversible)));
        members.Add(("description", JsonValue.Of(key.Description)));
        return JsonValue.Object(members);
    }
}
