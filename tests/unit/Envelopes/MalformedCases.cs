using System.Text;
using Qwamos.ControlBus.Envelopes;
using static Qwamos.ControlBus.Tests.Envelopes.VectorCase;

namespace Qwamos.ControlBus.Tests.Envelopes;

/// <summary>What is refused for its bytes and forms alone.</summary>
internal static class MalformedCases
{
    private const string Zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";

    public static IEnumerable<VectorCase> All => [.. Json, .. Members, .. Args, .. Nonces, .. Integers, .. Optional, .. Signatures, .. Status, .. Unsupported];

    private static IEnumerable<VectorCase> Json =>
    [
        Text("61,441 bytes", ErrorCode.TooLarge, AcceptedCases.Pad(61_441)),
        Bad("nothing", ""),
        Bad("a list", "[]"),
        Bad("half a request", """{"msg":{"command":"get_status" """),
        new("a byte order mark", [0xEF, 0xBB, 0xBF, .. Sign(Msg(), TestKeys.Operator)], ErrorCode.BadJson),
        new("not UTF-8", [.. "{\"msg\":{\"command\":\""u8, 0xFF, .. "\"}}"u8], ErrorCode.BadJson),
        new("an overlong form", [.. "{\"msg\":{\"command\":\""u8, 0xC0, 0xAF, .. "\"}}"u8], ErrorCode.BadJson),
        new("a surrogate in UTF-8", [.. "{\"msg\":{\"command\":\""u8, 0xED, 0xA0, 0x80, .. "\"}}"u8], ErrorCode.BadJson),
        Bad("a lone surrogate, escaped", """{"msg":{"command":"\ud800"}}"""),
        Bad("surrogates in reverse, escaped", """{"msg":{"command":"\udd12\ud83d"}}"""),
        Bad("a noncharacter, escaped", """{"msg":{"command":"\uffff"}}"""),
        Bad("a member twice", """{"msg":{"command":"get_status","command":"get_status"}}"""),
        Bad("a member twice, once escaped", """{"msg":{"command":"get_status","\u0063ommand":"get_status"}}"""),
        Bad("msg twice", """{"msg":{"command":"get_status"},"msg":{"command":"get_status"}}"""),
        Bad("a member twice, nested", Encoding.UTF8.GetString(Sign(Msg("""{"A":{"b":1,"b":1}}"""), TestKeys.Operator))),
        Bad("a trailing comma", """{"msg":{"command":"get_status",}}"""),
        Bad("a comment", """{"msg":{"command":"get_status"/* */}}"""),
        Bad("single quotes", "{'msg':{'command':'get_status'}}"),
        Bad("a line feed inside a string", "{\"msg\":{\"command\":\"get\nstatus\"}}"),
        Bad("bytes after the object", """{"msg":{"command":"get_status"}}x"""),
        Bad("two objects", """{"msg":{"command":"get_status"}}{"msg":{"command":"get_status"}}"""),
        Bad("depth 17", Encoding.UTF8.GetString(Sign(Msg("{\"A\":" + new string('[', 14) + new string(']', 14) + "}"), TestKeys.Operator))),
        Bad("timestamp NaN", Encoding.UTF8.GetString(Sign(Msg(timestamp: "NaN"), TestKeys.Operator))),
        Bad("timestamp with a leading zero", Encoding.UTF8.GetString(Sign(Msg(timestamp: "01700000000"), TestKeys.Operator))),
        Bad("timestamp with a plus sign", Encoding.UTF8.GetString(Sign(Msg(timestamp: "+1700000000"), TestKeys.Operator))),
    ];

    private static IEnumerable<VectorCase> Members =>
    [
        Form("an empty object", "{}"),
        Form("msg is a string", """{"msg":"set_policy"}"""),
        Form("a member beside msg", """{"msg":{"command":"get_status"},"id":1}"""),
        Form("an unknown member of msg", Msg(more: "\"priority\":1"), sign: true),
        Form("command is missing", $$"""{"args":{"A":1},"nonce":"{{GoodNonce}}","timestamp":1700000000}""", sign: true),
        Form("command is a number", Msg(command: "1"), sign: true),
        Form("nonce is missing", """{"args":{"A":1},"command":"set_policy","timestamp":1700000000}""", sign: true),
        Form("timestamp is missing", $$"""{"args":{"A":1},"command":"set_policy","nonce":"{{GoodNonce}}"}""", sign: true),
        Form("a member name with a space", Msg("""{"A B":1}"""), sign: true),
        Form("a member name beyond ASCII", Msg("{\"\u00c4\":1}"), sign: true),
        Form("a member name with U+007F, nested", Msg("{\"A\":[{\"\u007f\":1}]}"), sign: true),
    ];

    private static IEnumerable<VectorCase> Args =>
    [
        Form("args is missing", $$"""{"command":"set_policy","nonce":"{{GoodNonce}}","timestamp":1700000000}""", sign: true),
        Form("args is empty", Msg("{}"), sign: true),
        Form("args is a list", Msg("[\"A\"]"), sign: true),
        Form("args is null", Msg("null"), sign: true),
        Form("65 keys", Msg("{" + string.Join(',', Enumerable.Range(10, 65).Select(i => $"\"K{i}\":0")) + "}"), sign: true),
        Form("a fraction in args", Msg("""{"A":1.5}"""), sign: true),
        Form("an exponent in args", Msg("""{"A":1e2}"""), sign: true),
    ];

    private static IEnumerable<VectorCase> Nonces =>
    [
        Form("nonce of 15 bytes", Msg(nonce: "\"AAECAwQFBgcICQoLDA0O\""), sign: true),
        Form("nonce of 17 bytes", Msg(nonce: "\"AAECAwQFBgcICQoLDA0ODxA=\""), sign: true),
        Form("nonce without padding", Msg(nonce: "\"AAECAwQFBgcICQoLDA0ODw\""), sign: true),
        Form("nonce with bits set that are not used", Msg(nonce: "\"AAECAwQFBgcICQoLDA0ODx==\""), sign: true),
        Form("nonce in the URL alphabet", Msg(nonce: "\"__________________8A_w==\""), sign: true),
        Form("nonce with a line feed", Msg(nonce: "\"AAECAwQFBgcICQoLDA0ODw==\\n\""), sign: true),
        Form("nonce with a space inside", Msg(nonce: "\"AAECAwQFBgc ICQoLDA0ODw=\""), sign: true),
        Form("nonce is a number", Msg(nonce: "1"), sign: true),
    ];

    private static IEnumerable<VectorCase> Integers =>
    [
        Form("timestamp is a string", Msg(timestamp: "\"1700000000\""), sign: true),
        Form("timestamp is true", Msg(timestamp: "true"), sign: true),
        Form("timestamp is null", Msg(timestamp: "null"), sign: true),
        Form("timestamp 1700000000.0", Msg(timestamp: "1700000000.0"), sign: true),
        Form("timestamp 1.7e9", Msg(timestamp: "1.7e9"), sign: true),
        Form("timestamp 1e400", Msg(timestamp: "1e400"), sign: true),
        Form("timestamp -0", Msg(timestamp: "-0"), sign: true),
        Form("timestamp 2^53", Msg(timestamp: "9007199254740992"), sign: true),
        Form("timestamp 2^53 + 1", Msg(timestamp: "9007199254740993"), sign: true),
        Form("timestamp of 400 digits", Msg(timestamp: new string('9', 400)), sign: true),
        Form("expires is a string", Msg(more: "\"expires\":\"1700000000\""), sign: true),
    ];

    private static IEnumerable<VectorCase> Optional =>
    [
        Form("system in upper case", Msg(more: $"\"system\":\"{ThisSystem.ToUpperInvariant()}\""), sign: true),
        Form("system of 31 digits", Msg(more: $"\"system\":\"{ThisSystem[1..]}\""), sign: true),
        Form("system is null", Msg(more: "\"system\":null"), sign: true),
        Form("base is a string", Msg(more: $"\"base\":\"{new string('a', 64)}\""), sign: true),
        Form("base with 63 digits", Msg(more: $"\"base\":{{\"gateway\":\"{new string('a', 63)}\"}}"), sign: true),
        Form("base in upper case", Msg(more: $"\"base\":{{\"gateway\":\"{new string('A', 64)}\"}}"), sign: true),
        Form("audience is a string", Msg(more: "\"audience\":\"gateway\""), sign: true),
        Form("audience is empty", Msg(more: "\"audience\":[]"), sign: true),
        Form("audience names one domain twice", Msg(more: "\"audience\":[\"gateway\",\"gateway\"]"), sign: true),
        Form("audience holds a number", Msg(more: "\"audience\":[\"gateway\",1]"), sign: true),
        Form("reason is a number", Msg(more: "\"reason\":1"), sign: true),
        Form("reason with a line feed", Msg(more: "\"reason\":\"a\\nb\""), sign: true),
        Form("reason with U+007F", Msg(more: "\"reason\":\"\u007f\""), sign: true),
        Form("reason with U+009B", Msg(more: "\"reason\":\"\\u009b31m\""), sign: true),
        Form("reason of 1,025 code points", Msg(more: $"\"reason\":\"{new string('a', 1025)}\""), sign: true),
        Form("mode is a number", Msg(more: "\"mode\":1"), sign: true),
    ];

    private static IEnumerable<VectorCase> Signatures =>
    [
        Form("no signature", $$"""{"msg":{{Msg()}}}"""),
        Form("signature is null", $$"""{"msg":{{Msg()}},"signature":null}"""),
        Form("signature and signatures", Listed(Msg(), TestKeys.Operator)[..^1] + $",\"signature\":\"{Signature(Msg(), TestKeys.Operator)}\"}}"),
        Form("signature of 63 bytes", Beside($"\"{Convert.ToBase64String(new byte[63])}\"")),
        Form("signature of 65 bytes", Beside($"\"{Convert.ToBase64String(new byte[65])}\"")),
        Form("signature without padding", Beside($"\"{Zeros[..86]}\"")),
        Form("signature with bits set that are not used", Beside($"\"{Zeros[..85]}B==\"")),
        Form("signature in the URL alphabet", Beside($"\"{Zeros[..84]}_w==\"")),
        Form("signature in hexadecimal", Beside($"\"{new string('0', 128)}\"")),
        Form("an empty list of signatures", $$"""{"msg":{{Msg()}},"signatures":[]}"""),
        Form("a list of 17 signatures", $$"""{"msg":{{Msg()}},"signatures":[{{Elements(17)}}]}"""),
        Form("one key_id twice", Listed(Msg(), TestKeys.Operator, TestKeys.Operator)),
        Form("key_id in upper case", Listed(Msg(), TestKeys.Operator).Replace(
            TestKeys.Operator.Public.Id.ToString(), TestKeys.Operator.Public.Id.ToString().ToUpperInvariant(), StringComparison.Ordinal)),
        Form("key_id shortened", Listed(Msg(), TestKeys.Operator).Replace(
            TestKeys.Operator.Public.Id.ToString(), TestKeys.Operator.Public.Id.Short, StringComparison.Ordinal)),
        Form("a further member beside key_id", Listed(Msg(), TestKeys.Operator).Replace("{\"key_id\"", "{\"alg\":1,\"key_id\"", StringComparison.Ordinal)),
    ];

    private static IEnumerable<VectorCase> Status =>
    [
        Form("status with an unknown argument", """{"msg":{"command":"get_status","args":{"verbose":true}}}"""),
        Form("status with reveal that is no boolean", """{"msg":{"command":"get_status","args":{"reveal":1}}}"""),
        Form("status with base that is no boolean", """{"msg":{"command":"get_status","args":{"base":"gateway"}}}"""),
        Form("status, signed, without a nonce", """{"command":"get_status","timestamp":1700000000}""", sign: true),
    ];

    private static IEnumerable<VectorCase> Unsupported =>
    [
        Signed("mode try", ErrorCode.NotSupported, Msg(more: "\"mode\":\"try\"")),
        Signed("mode with a capital", ErrorCode.NotSupported, Msg(more: "\"mode\":\"Staged\"")),
        Text("16 signatures, of keys that are not active", ErrorCode.UnknownKey, $$"""{"msg":{{Msg()}},"signatures":[{{Elements(16)}}]}"""),
        Signed("mode try, of an unknown command", ErrorCode.NotSupported, Msg(command: "\"reboot\"", more: "\"mode\":\"try\"")),
        Signed("mode try with a bad nonce", ErrorCode.BadRequest, Msg(nonce: "\"\"", more: "\"mode\":\"try\"")),
    ];

    private static VectorCase Bad(string name, string request) => Text(name, ErrorCode.BadJson, request);

    private static VectorCase Form(string name, string text, bool sign = false) =>
        sign ? Signed(name, ErrorCode.BadRequest, text) : Text(name, ErrorCode.BadRequest, text);

    private static string Beside(string signature) => $$"""{"msg":{{Msg()}},"signature":{{signature}}}""";

    private static string Elements(int count) =>
        string.Join(',', Enumerable.Range(0, count).Select(i => $"{{\"key_id\":\"{i:x64}\",\"signature\":\"{Zeros}\"}}"));
}
