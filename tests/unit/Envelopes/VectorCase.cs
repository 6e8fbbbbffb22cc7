using System.Text;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Tests.Envelopes;

/// <summary>One request and what a verifier must say to it; <paramref name="Code"/> is null when it is accepted.</summary>
internal sealed record VectorCase(string Name, byte[] Request, ErrorCode? Code)
{
    public const long Now = 1_700_000_000;
    public const string GoodNonce = "AAECAwQFBgcICQoLDA0ODw==";
    public const string ThisSystem = "00112233445566778899aabbccddeeff";

    public long Clock { get; init; } = Now;

    public long Floor { get; init; }

    public string? SystemId { get; init; } = ThisSystem;

    public bool SystemRequired { get; init; }

    public static VectorCase Signed(string name, ErrorCode? code, string msg, SigningKey? key = null) =>
        new(name, Sign(msg, key ?? TestKeys.Operator), code);

    public static VectorCase Text(string name, ErrorCode? code, string request) => new(name, Encoding.UTF8.GetBytes(request), code);

    /// <summary>A change with everything right, where no argument says otherwise; the arguments are JSON text.</summary>
    public static string Msg(
        string args = "{\"RADIO_ISOLATION\":\"on\"}",
        string nonce = $"\"{GoodNonce}\"",
        string timestamp = "1700000000",
        string command = "\"set_policy\"",
        string more = "") =>
        $"{{\"args\":{args},\"command\":{command},\"nonce\":{nonce},\"timestamp\":{timestamp}{(more.Length > 0 ? "," + more : "")}}}";

    /// <summary>The request around a message, signed over its canonical bytes where it has any, else over the text.</summary>
    public static byte[] Sign(string msg, SigningKey key) => Encoding.UTF8.GetBytes($"{{\"msg\":{msg},\"signature\":\"{Signature(msg, key)}\"}}");

    public static string Signature(string msg, SigningKey key) => Convert.ToBase64String(key.Sign(Canonical(msg)));

    public static byte[] Canonical(string msg)
    {
        byte[] text = Encoding.UTF8.GetBytes(msg);
        bool hasForm = StrictJson.TryParse(text, out var value, out _) && value.Members.All(member => member.Key != "timestamp" || member.Value.Kind != JsonKind.Number || member.Value.IsInteger);
        return hasForm ? CanonicalJson.Write(value!) : text;
    }

    public static string Listed(string msg, params SigningKey[] keys) =>
        $"{{\"msg\":{msg},\"signatures\":[{string.Join(',', keys.Select(key => Element(msg, key)))}]}}";

    public static string Element(string msg, SigningKey key, KeyId? named = null) =>
        $"{{\"key_id\":\"{named ?? key.Public.Id}\",\"signature\":\"{Signature(msg, key)}\"}}";
}
