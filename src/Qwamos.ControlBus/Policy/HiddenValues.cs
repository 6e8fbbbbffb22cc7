using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>What stands for confidential values in status, logs, status.json and pending.conf (DESIGN section 5).</summary>
public static class HiddenValues
{
    public const string Text = "(hidden)";

    /// <summary>True when the value must not be shown: also of a key this schema does not know, for an earlier one may have hidden it.</summary>
    public static bool IsHidden(PolicySchema schema, string name)
    {
        ArgumentNullException.ThrowIfNull(schema);
        return !schema.TryGet(name, out var key) || key.IsConfidential;
    }

    /// <summary>The value for a display in JSON.</summary>
    public static JsonValue ToJson(PolicySchema schema, string name, PolicyValue value)
        => IsHidden(schema, name) ? JsonValue.Of(Text) : value.ToJson();

    /// <summary>
    /// The member <c>base</c> of status. The hash of a few possible values gives them away, so a class with a confidential value is left
    /// out for who has not signed.
    /// </summary>
    public static JsonValue BaseHashes(PolicySchema schema, PolicyState state, IEnumerable<string> classes, bool isSigned)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(state);
        return JsonValue.Object(classes
            .Where(name => isSigned || !schema.Keys.Any(key => key.Class == name && key.IsConfidential && state.Policy.ContainsKey(key.Name)))
            .Select(name => (name, JsonValue.Of(state.BaseHash(schema, name)))));
    }

    /// <summary>The value for a line of pending.conf or a log.</summary>
    public static string ToLine(PolicySchema schema, string name, PolicyValue value)
        => IsHidden(schema, name) ? Text : value.ToLine();
}
