using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Holding;

/// <summary>One request to an agent (docs/formats/keys.md): <c>status</c>, <c>lock</c>, or <c>sign</c> with the key's ID and the bytes.</summary>
internal sealed record AgentRequest(string Operation, string? KeyId, byte[] Data)
{
    public const string Status = "status";
    public const string Lock = "lock";
    public const string Sign = "sign";

    /// <summary>Exactly these members and forms; false with a sentence for anything else.</summary>
    public static bool TryRead(ReadOnlySpan<byte> line, [NotNullWhen(true)] out AgentRequest? request, out string fault)
    {
        request = null;
        if (!StrictJson.TryParse(line, out var json, out var malformed, Limits.MaxAgentRequestBytes, maxDepth: 1))
        {
            fault = malformed;
            return false;
        }
        fault = "it is not an object of op, and key_id and data for sign";
        if (json.Kind != JsonKind.Object || TextOf(json, "op") is not { } operation)
            return false;
        if (operation is Status or Lock && json.Members.Length == 1)
            request = new AgentRequest(operation, null, []);
        else if (operation == Sign && json.Members.Length == 3 && TextOf(json, "key_id") is { } id && TextOf(json, "data") is { } text && TryDecode(text, out var data))
            request = new AgentRequest(operation, id, data);
        return request is not null;
    }

    private static bool TryDecode(string text, out byte[] data)
    {
        data = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, data, out var length))
            return false;
        data = data[..length];
        return Convert.ToBase64String(data) == text;
    }

    private static string? TextOf(JsonValue json, string name) => json.TryGet(name, out var value) && value.TryGetString(out var text) ? text : null;
}
