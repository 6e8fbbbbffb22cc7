using System.Text.Json;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>Lists of names in answers.</summary>
public static class AnswerLists
{
    /// <summary>Writes a member whose value is a list of names.</summary>
    public static void Write(Utf8JsonWriter json, ReadOnlySpan<byte> member, IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(names);
        json.WriteStartArray(member);
        foreach (string name in names)
            json.WriteStringValue(name);
        json.WriteEndArray();
    }
}
