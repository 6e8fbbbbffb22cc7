using Qwamos.Client.Talking;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Showing;

/// <summary>What a status says of values in force that a key set which is disowned since: they stand until somebody sets them.</summary>
internal static class DisownedValues
{
    /// <summary>Each key, and who set it, escaped.</summary>
    public static IEnumerable<(string Key, string Why)> Of(AnswerReader? status) =>
        (status?.ObjectOf("policy_disowned") is { } disowned ? disowned.Members : []).Select(pair => (KeyText.Of(JsonValue.Of(pair.Key)), KeyText.Of(pair.Value)));

    /// <summary>What to do about one.</summary>
    public static string Mend(string key) => $"look whether it is right, and set it yourself: qwamosctl set {key} VALUE";
}
