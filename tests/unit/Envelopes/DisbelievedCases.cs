using System.Numerics;
using System.Text;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using static Qwamos.ControlBus.Tests.Envelopes.VectorCase;

namespace Qwamos.ControlBus.Tests.Envelopes;

/// <summary>What is well formed and not believed, with the order of the checks where two would hold.</summary>
internal static class DisbelievedCases
{
    private const string OtherSystem = "ffeeddccbbaa99887766554433221100";

    public static IEnumerable<VectorCase> All => [.. Commands, .. Times, .. Systems, .. Audiences, .. Signatures];

    private static IEnumerable<VectorCase> Commands =>
    [
        Signed("an unknown command", ErrorCode.UnknownCommand, Msg(command: "\"reboot\"")),
        Signed("a command in capitals", ErrorCode.UnknownCommand, Msg(command: "\"SET_POLICY\"")),
        Signed("an unknown command, stale", ErrorCode.UnknownCommand, Msg(command: "\"reboot\"", timestamp: "1")),
    ];

    private static IEnumerable<VectorCase> Times =>
    [
        Signed("signed 301 s ago", ErrorCode.Stale, Msg(timestamp: "1699999699")),
        Signed("signed in 1970", ErrorCode.Stale, Msg(timestamp: "0")),
        Signed("signed before 1970", ErrorCode.Stale, Msg(timestamp: "-1")),
        Signed("the least timestamp", ErrorCode.Stale, Msg(timestamp: "-9007199254740991")),
        Signed("signed 301 s from now", ErrorCode.FromFuture, Msg(timestamp: "1700000301")),
        Signed("signed in 2100", ErrorCode.FromFuture, Msg(timestamp: "4102444800")),
        Signed("the greatest timestamp", ErrorCode.FromFuture, Msg(timestamp: "9007199254740991")),
        Signed("expired a second ago", ErrorCode.Expired, Msg(more: "\"expires\":1699999999")),
        Signed("expired before it was signed", ErrorCode.Expired, Msg(more: "\"expires\":-1")),
        Signed("stale and expired", ErrorCode.Stale, Msg(timestamp: "1", more: "\"expires\":2")),
        Signed("signed 301 s ago, expires later", ErrorCode.Stale, Msg(timestamp: "1699999699", more: "\"expires\":1800000000")),
        Signed("fresh by a clock of 1970, stale by the floor", ErrorCode.Stale, Msg(timestamp: "0")) with { Clock = 0, Floor = 1_700_000_000 },
        Signed("601 s before the floor, clock behind it", ErrorCode.Stale, Msg(timestamp: "1699999399")) with { Clock = 0, Floor = 1_700_000_000 },
        Signed("one second after the floor, clock behind it by more than 300 s", ErrorCode.FromFuture, Msg(timestamp: "1700000001"))
            with { Clock = 0, Floor = 1_700_000_000 },
        Signed("stale, of another system, with a bad signature", ErrorCode.Stale,
            Msg(timestamp: "1", more: $"\"system\":\"{OtherSystem}\""), TestKeys.Stranger),
    ];

    private static IEnumerable<VectorCase> Systems =>
    [
        Signed("another system", ErrorCode.WrongSystem, Msg(more: $"\"system\":\"{OtherSystem}\"")),
        Signed("no system where it is required", ErrorCode.WrongSystem, Msg()) with { SystemRequired = true },
        Signed("a system where there is no ID yet", ErrorCode.WrongSystem, Msg(more: $"\"system\":\"{ThisSystem}\"")) with { SystemId = null },
        Text("status, unsigned, of another system", ErrorCode.WrongSystem, "{\"msg\":{\"command\":\"get_status\",\"system\":\"" + OtherSystem + "\"}}"),
        Signed("another system and an unknown audience", ErrorCode.WrongSystem,
            Msg(more: $"\"audience\":[\"nobody\"],\"system\":\"{OtherSystem}\"")),
    ];

    private static IEnumerable<VectorCase> Audiences =>
    [
        Signed("audience not known", ErrorCode.WrongAudience, Msg(more: "\"audience\":[\"nobody\"]")),
        Signed("audience of another class than every key", ErrorCode.WrongAudience, Msg(more: "\"audience\":[\"ui\"]")),
        Signed("one of two audiences not known", ErrorCode.WrongAudience, Msg(more: "\"audience\":[\"gateway\",\"nobody\"]")),
        Text("audience not known, key_id not active", ErrorCode.WrongAudience, Listed(Msg(more: "\"audience\":[\"nobody\"]"), TestKeys.Stranger)),
    ];

    private static IEnumerable<VectorCase> Signatures =>
    [
        Text("key_id not active", ErrorCode.UnknownKey, Listed(Msg(), TestKeys.Stranger)),
        Text("two signatures, one of a key that is not active", ErrorCode.UnknownKey, Listed(Msg(), TestKeys.Operator, TestKeys.Stranger)),
        Text("two signatures, of which the second does not hold", ErrorCode.BadSignature,
            $$"""{"msg":{{Msg()}},"signatures":[{{Element(Msg(), TestKeys.Operator)}},{{Element(Msg(), TestKeys.Stranger, TestKeys.Second.Public.Id)}}]}"""),
        Signed("a stranger's bare signature", ErrorCode.BadSignature, Msg(), TestKeys.Stranger),
        Text("a signature of zeros", ErrorCode.BadSignature, Beside(Msg(), new byte[64])),
        Text("S with L added", ErrorCode.BadSignature, Beside(Msg(), WithOrderAdded(TestKeys.Operator.Sign(Canonical(Msg()))))),
        Text("R of small order", ErrorCode.BadSignature, Beside(Msg(), [1, .. new byte[63]])),
        Text("the signature of another message", ErrorCode.BadSignature,
            Beside(Msg(), TestKeys.Operator.Sign(Canonical(Msg("""{"RADIO_ISOLATION":"off"}"""))))),
        Text("a value changed after signing", ErrorCode.BadSignature,
            Encoding.UTF8.GetString(Sign(Msg(), TestKeys.Operator)).Replace("\"on\"", "\"off\"", StringComparison.Ordinal)),
        Text("a member added after signing", ErrorCode.BadSignature,
            Encoding.UTF8.GetString(Sign(Msg(), TestKeys.Operator)).Replace("1700000000}", "1700000000,\"mode\":\"staged\"}", StringComparison.Ordinal)),
        Text("signed over bytes that are not canonical", ErrorCode.BadSignature,
            Beside(Msg(), TestKeys.Operator.Sign(Encoding.UTF8.GetBytes(Msg().Replace(",", ", ", StringComparison.Ordinal))))),
        Text("signed for another purpose", ErrorCode.BadSignature,
            Beside(Msg(), TestKeys.Operator.Sign([.. "qwamos-delivery-v1\n"u8, .. Canonical(Msg())]))),
        Text("one key's signature under another's key_id", ErrorCode.BadSignature,
            $$"""{"msg":{{Msg()}},"signatures":[{{Element(Msg(), TestKeys.Second, TestKeys.Operator.Public.Id)}}]}"""),
        Text("status, unsigned, reveal", ErrorCode.BadSignature, """{"msg":{"command":"get_status","args":{"reveal":true}}}"""),
        Signed("status, a stranger's signature", ErrorCode.BadSignature, Msg("{}", command: "\"get_status\""), TestKeys.Stranger),
    ];

    private static string Beside(string msg, byte[] signature) => $$"""{"msg":{{msg}},"signature":"{{Convert.ToBase64String(signature)}}"}""";

    private static byte[] WithOrderAdded(byte[] signature)
    {
        var order = (BigInteger.One << 252) + BigInteger.Parse("27742317777372353535851937790883648493");
        byte[] moved = new byte[VerifyingKey.SizeBytes];
        (new BigInteger(signature.AsSpan(32), isUnsigned: true) + order).TryWriteBytes(moved, out _, isUnsigned: true);
        return [.. signature[..32], .. moved];
    }
}
