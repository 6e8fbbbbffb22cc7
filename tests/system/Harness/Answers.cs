using System.Text.Json;

namespace Qwamos.SystemTests.Harness;

/// <summary>Short ways to look at an answer.</summary>
internal static class Answers
{
    /// <summary><c>ok</c>, or the error's code.</summary>
    public static string Code(this JsonElement answer) =>
        answer.GetProperty("status").GetString() == "ok" ? "ok" : answer.GetProperty("code").GetString()!;

    public static string? Policy(this JsonElement status, string key) => Value(status, "policy", key);

    public static string? Pending(this JsonElement status, string key) => Value(status, "pending", key);

    private static string? Value(JsonElement status, string member, string key) =>
        status.GetProperty(member).TryGetProperty(key, out JsonElement value) ? value.ToString() : null;
}
