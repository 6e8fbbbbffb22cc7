using System.Text;
using static Qwamos.ControlBus.Tests.Envelopes.VectorCase;

namespace Qwamos.ControlBus.Tests.Envelopes;

internal static class AcceptedCases
{
    private const string Max = "9007199254740991";

    public static IEnumerable<VectorCase> All => [.. Forms, .. Optional, .. Times, .. Signatures, .. Status];

    private static IEnumerable<VectorCase> Forms =>
    [
        Signed("a change, canonical as sent", null, Msg()),
        Text("members in another order, white space inside and around", null, $$"""
              {
                "signature" : "{{Signature(Msg(), TestKeys.Operator)}}",
                "msg" : { "timestamp" : 1700000000, "nonce" : "{{GoodNonce}}", "command" : "set_policy", "args" : { "RADIO_ISOLATION" : "on" } }
              }

            """),
        Text("escapes that mean the same characters", null,
            Encoding.UTF8.GetString(Sign(Msg(), TestKeys.Operator)).Replace("\"on\"", "\"\\u006f\\u006E\"", StringComparison.Ordinal)
                .Replace("\"msg\"", "\"\\u006dsg\"", StringComparison.Ordinal)),
        Signed("an integer and a boolean", null, Msg("""{"RADIO_IDLE_TIMEOUT_MIN":5,"DURESS.enabled":true}""")),
        Signed("the greatest and the least integer", null, Msg($$"""{"A":{{Max}},"B":-{{Max}},"C":0,"D":-1}""")),
        Signed("64 keys", null, Msg("{" + string.Join(',', Enumerable.Range(10, 64).Select(i => $"\"K{i}\":0")) + "}")),
        Signed("depth 16", null, Msg("{\"A\":" + new string('[', 13) + new string(']', 13) + "}")),
        Text("61,440 bytes", null, Pad(61_440)),
        Text("two signatures that both hold", null, Listed(Msg(), TestKeys.Operator, TestKeys.Second)),
    ];

    private static IEnumerable<VectorCase> Optional =>
    [
        Signed("reason beyond ASCII: U+00E9, U+2028, U+1F512", null, Msg(more: "\"reason\":\"caf\u00e9 \u2028 \U0001F512\"")),
        Signed("reason of 1,024 code points, each two UTF-16 units", null,
            Msg(more: $"\"reason\":\"{string.Concat(Enumerable.Repeat("\U0001F512", 1024))}\"")),
        Signed("reason with a quotation mark, a reverse solidus and a solidus", null, Msg(more: """ "reason":"a \"b\" \\ \/ c" """)),
        Signed("mode auto", null, Msg(more: "\"mode\":\"auto\"")),
        Signed("mode staged", null, Msg(more: "\"mode\":\"staged\"")),
        Signed("audience of one", null, Msg(more: "\"audience\":[\"gateway\"]")),
        Signed("audience of two of one class", null, Msg(more: "\"audience\":[\"gateway\",\"gateway2\"]")),
        Signed("this system", null, Msg(more: $"\"system\":\"{ThisSystem}\"")),
        Signed("this system, which is required", null, Msg(more: $"\"system\":\"{ThisSystem}\"")) with { SystemRequired = true },
        Signed("a base of two classes", null,
            Msg(more: $"\"base\":{{\"gateway\":\"{new string('a', 64)}\",\"all\":\"{new string('0', 64)}\"}}")),
        Signed("an empty base", null, Msg(more: "\"base\":{}")),
    ];

    private static IEnumerable<VectorCase> Times =>
    [
        Signed("signed 300 s ago", null, Msg(timestamp: "1699999700")),
        Signed("signed 300 s from now", null, Msg(timestamp: "1700000300")),
        Signed("expires this second", null, Msg(more: "\"expires\":1700000000")),
        Signed("expires after the 300 s that hold anyway", null, Msg(more: "\"expires\":1800000000")),
        Signed("clock of 1970, held up by the floor", null, Msg()) with { Clock = 0, Floor = 1_700_000_000 },
        Signed("clock of 1970, signed 600 s before the floor", null, Msg(timestamp: "1699999400")) with { Clock = 0, Floor = 1_700_000_000 },
        Signed("clock 300 s behind the floor: not held up", null, Msg(timestamp: "1699999400"))
            with { Clock = 1_699_999_700, Floor = 1_700_000_000 },
        Signed("1970 by both clocks", null, Msg(timestamp: "0")) with { Clock = 0 },
        Signed("before 1970, within 300 s of it", null, Msg(timestamp: "-300")) with { Clock = 0 },
        Signed("2038: beyond 32 bits", null, Msg(timestamp: "2147483648")) with { Clock = 2_147_483_648 },
        Signed("2100", null, Msg(timestamp: "4102444800")) with { Clock = 4_102_444_800 },
    ];

    private static IEnumerable<VectorCase> Signatures =>
    [
        Signed("signed by the second active key, bare", null, Msg(), TestKeys.Second),
        Text("a list of one", null, Listed(Msg(), TestKeys.Operator)),
        Text("a list of one, the second active key", null, Listed(Msg(), TestKeys.Second)),
    ];

    private static IEnumerable<VectorCase> Status =>
    [
        Text("status, unsigned", null, """{"msg":{"command":"get_status"}}"""),
        Text("status, unsigned, empty args", null, """{"msg":{"command":"get_status","args":{}}}"""),
        Text("status, unsigned, reveal false", null, """{"msg":{"command":"get_status","args":{"reveal":false}}}"""),
        Text("status, unsigned, the hashes for a change's base alone", null, """{"msg":{"command":"get_status","args":{"base":true}}}"""),
        Text("status, unsigned: its time is not judged", null, """{"msg":{"command":"get_status","timestamp":1}}"""),
        Text("status, unsigned, where the system is required", null, """{"msg":{"command":"get_status"}}""") with { SystemRequired = true },
        Signed("status, signed, reveal", null, Msg("""{"reveal":true}""", command: "\"get_status\"")),
        Signed("status, signed, without args", null, $$"""{"command":"get_status","nonce":"{{GoodNonce}}","timestamp":1700000000}"""),
    ];

    /// <summary>A right request, brought to a size by white space.</summary>
    public static string Pad(int bytes)
    {
        string request = Encoding.UTF8.GetString(Sign(Msg(), TestKeys.Operator));
        return "{" + new string(' ', bytes - request.Length) + request[1..];
    }
}
