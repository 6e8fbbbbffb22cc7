using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Talking;

/// <summary>Members of an answer beyond the ones every answer has; each null when absent or of another type, for a daemon may be older or newer.</summary>
internal static class AnswerParts
{
    /// <summary>A member that is an object with members.</summary>
    public static JsonValue? ObjectOf(this AnswerReader answer, string name) =>
        answer.Document.TryGet(name, out var value) && value.Kind == JsonKind.Object && value.Members.Length > 0 ? value : null;

    /// <summary>Whether a member is an object, be it an empty one.</summary>
    public static bool HasObject(this AnswerReader answer, string name) =>
        answer.Document.TryGet(name, out var value) && value.Kind == JsonKind.Object;

    public static string? TextOf(this AnswerReader answer, string name) =>
        answer.Document.TryGet(name, out var value) && value.TryGetString(out var text) ? text : null;

    public static long? NumberOf(this AnswerReader answer, string name) =>
        answer.Document.TryGet(name, out var value) && value.TryGetInteger(out var number) ? number : null;
}
