using System.Text;
using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>ATTACKS 17 to 21 on the running daemon: one answer with its code, and the daemon goes on serving.</summary>
public sealed class ParsingAttackTests : IDisposable
{
    private readonly Trial _trial = new();
    private readonly RunningProgram _daemon;

    public ParsingAttackTests() => _daemon = _trial.StartDaemon();

    public void Dispose() => _trial.Dispose();

    public static TheoryData<string, string> BadJson => new()
    {
        { "duplicate", "{\"msg\":{\"command\":\"get_status\",\"command\":\"get_status\"}}" },
        { "escaped duplicate", "{\"msg\":{\"command\":\"get_status\",\"comman\\u0064\":\"get_status\"}}" },
        { "nested duplicate", "{\"msg\":{\"command\":\"set_policy\",\"args\":{\"a\":{\"b\":1,\"b\":1}}}}" },
        { "duplicate msg", "{\"msg\":{\"command\":\"get_status\"},\"msg\":{\"command\":\"get_status\"}}" },
        { "lone surrogate", "{\"msg\":{\"command\":\"\\ud800\"}}" },
        { "reversed surrogates", "{\"msg\":{\"command\":\"\\udc00\\ud800\"}}" },
        { "comment", "{\"msg\":/*x*/{\"command\":\"get_status\"}}" },
        { "trailing comma", "{\"msg\":{\"command\":\"get_status\",}}" },
        { "single quotes", "{'msg':{'command':'get_status'}}" },
        { "not an object", "[1]" },
        { "bare word", "hello" },
        { "mismatched brackets", "{\"msg\":[}" },
        { "control character", "{\"msg\":{\"command\":\"get\nstatus\"}}" },
        { "depth 17", "{\"msg\":" + new string('[', 16) + new string(']', 16) + "}" },
    };

    [Theory]
    [MemberData(nameof(BadJson))]
    public void Attack17And18_BadJson_IsAnsweredOnceAndClosed(string what, string request)
    {
        using BusClient client = _trial.Connect();
        client.Send(request);
        client.EndSending();
        JsonElement answer = client.Read();
        Assert.True(answer.Code() == "bad_json", what + ": " + answer);
        Assert.Null(client.ReadLine());
        Assert.Equal("ok", _trial.Status().Code());
    }

    [Fact]
    public void Attack18_InvalidUtf8AndBom_AreRefused()
    {
        byte[] invalid = [.. "{\"msg\":{\"command\":\""u8, 0xff, .. "\"}}"u8];
        byte[] overlong = [.. "{\"msg\":{\"command\":\""u8, 0xc0, 0xaf, .. "\"}}"u8];
        byte[] bom = [0xef, 0xbb, 0xbf, .. "{\"msg\":{\"command\":\"get_status\"}}"u8];
        Assert.All<byte[]>([invalid, overlong, bom], request => Assert.Equal("bad_json", _trial.Ask(request).Code()));
    }

    [Fact]
    public void Attack18_RequestsBeforeABadOne_Stand()
    {
        using BusClient client = _trial.Connect();
        client.Send([.. _trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"off"}"""), .. "garbage"u8]);
        Assert.Equal("ok", client.Read().Code());
        Assert.Equal("bad_json", client.Read().Code());
        Assert.Null(client.ReadLine());
        Assert.Equal("off", _trial.Status().Policy("RADIO_ISOLATION"));
    }

    [Theory]
    [InlineData("\\uD800\\uDC00", "\\uFB33")] // the order of UTF-16 code units: U+10000 begins with D800
    [InlineData("\\uFB33", "\\uD800\\uDC00")] // the order of code points
    public void Attack19_NamesWhoseOrderCouldBeDisputed_AreRefused_HoweverTheyAreSigned(string first, string second)
    {
        // Names of msg are ASCII at every depth, where both orders are one. The order itself is held by the vectors of the unit tests.
        string canonical = $"{{\"args\":{{\"RADIO_ISOLATION\":{{\"{first}\":1,\"{second}\":2}}}},\"command\":\"set_policy\",\"nonce\":\"{TestSigner.FreshNonce()}\",\"timestamp\":{TestSigner.Now}}}";
        string signature = Convert.ToBase64String(_trial.Signer.SignBytes(System.Text.RegularExpressions.Regex.Unescape(canonical)));
        Assert.Equal("bad_request", _trial.Ask(Encoding.UTF8.GetBytes($"{{\"msg\":{canonical},\"signature\":\"{signature}\"}}")).Code());
    }

    [Fact]
    public void Attack19_CapitalsStandBeforeSmallLetters_AsCodeUnitsDo()
    {
        string sorted = $"{{\"args\":{{\"RADIO_ISOLATION\":{{\"A\":1,\"B\":{{\"Z\":0,\"_\":0,\"z\":0}},\"a\":2}}}},\"command\":\"set_policy\",\"nonce\":\"{TestSigner.FreshNonce()}\",\"timestamp\":{TestSigner.Now}}}";
        string signature = Convert.ToBase64String(_trial.Signer.SignBytes(sorted));
        string shuffled = sorted.Replace("\"A\":1,\"B\":{\"Z\":0,\"_\":0,\"z\":0},\"a\":2", "\"a\":2,\"B\":{\"z\":0,\"_\":0,\"Z\":0},\"A\":1", StringComparison.Ordinal);
        Assert.NotEqual(sorted, shuffled);
        Assert.Equal("invalid_policy", _trial.Ask(Encoding.UTF8.GetBytes($"{{\"msg\":{shuffled},\"signature\":\"{signature}\"}}")).Code());
    }

    [Fact]
    public void Attack20_TheLastByteAllowed_AndOneMore()
    {
        string head = "{\"msg\":{\"command\":\"get_status\"}";
        byte[] largest = Encoding.ASCII.GetBytes(head + new string(' ', 61_440 - head.Length - 1) + "}");
        byte[] over = Encoding.ASCII.GetBytes(head + new string(' ', 61_440 - head.Length) + "}");
        Assert.Equal(61_440, largest.Length);
        Assert.Equal("ok", _trial.Ask(largest).Code());
        Assert.Equal("too_large", _trial.Ask(over).Code());
    }

    [Fact]
    public void Attack20_BombsAreRefused()
    {
        string depth = "{\"msg\":" + new string('[', 60_000);
        string number = "{\"msg\":{\"command\":\"set_policy\",\"timestamp\":" + new string('9', 61_000) + "}}";
        string members = "{\"msg\":{" + string.Join(',', Enumerable.Range(0, 100_000).Select(i => $"\"{i}\":0")) + "}}";
        Assert.Equal("bad_json", _trial.Ask(Encoding.ASCII.GetBytes(depth)).Code());
        Assert.Contains(_trial.Ask(Encoding.ASCII.GetBytes(number)).Code(), new[] { "bad_request", "bad_json" });
        Assert.Equal("too_large", _trial.Ask(Encoding.ASCII.GetBytes(members)).Code());
        Assert.Equal("ok", _trial.Status().Code());
        string resident = File.ReadLines($"/proc/{_daemon.Id}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        long kilobytes = long.Parse(resident["VmRSS:".Length..].Replace("kB", "", StringComparison.Ordinal), System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(kilobytes < 40 * 1024, resident);
    }

    [Theory]
    [InlineData("off\\nBOOT_VERIFICATION=off")]
    [InlineData("off=on")]
    [InlineData("#off")]
    [InlineData("-off")]
    [InlineData("off\\u0000")]
    [InlineData("$(touch /tmp/x);`id`|&")]
    [InlineData("\\u001b[31moff")]
    [InlineData("\\u202eoff")]
    public void Attack21_InjectionInValues_IsRefused_AndNeverReachesALogRaw(string value)
    {
        TestSigner signer = _trial.Signer;
        Assert.Equal("invalid_policy", _trial.Ask(signer.SetPolicy($"{{\"RADIO_ISOLATION\":\"{value}\"}}")).Code());
        Assert.Contains(_trial.Ask(signer.SetPolicy($"{{\"{value}\":\"x\"}}")).Code(), new[] { "invalid_policy", "bad_request" });
        CommandResult shown = _trial.Client("audit", "show");
        AssertHarmless(_daemon.Log);
        AssertHarmless(_trial.Client("status").Output);
        AssertHarmless(shown.Output + shown.Error);
        string pending = File.Exists(_trial.At("/var/lib/qwamos/pending.conf")) ? File.ReadAllText(_trial.At("/var/lib/qwamos/pending.conf")) : "";
        Assert.DoesNotContain("BOOT_VERIFICATION", pending);
    }

    [Theory]
    [InlineData("x\\ny", "bad_request")]
    [InlineData("x\\u0000y", "bad_request")]
    [InlineData("\\u001b[31mred", "bad_request")]
    [InlineData("\\u009b31mred", "bad_request")]
    [InlineData("\\u202egnirts", "ok")]
    [InlineData("-rf / # A=b; $(id) `id` \\\" ' \\\\ | & < > ~ *", "ok")]
    public void Attack21_InjectionInTheReason_IsRefusedOrCarriedAsData(string reason, string code)
    {
        System.Text.Json.Nodes.JsonObject message = TestSigner.Draft("""{"RADIO_ISOLATION":"off"}""");
        message["reason"] = System.Text.Json.Nodes.JsonNode.Parse($"\"{reason}\"");
        Assert.Equal(code, _trial.Ask(_trial.Signer.Request(message)).Code());
        AssertHarmless(_daemon.Log);
        AssertHarmless(_trial.Client("status").Output);
        AssertHarmless(_trial.Client("audit", "show").Output);
        if (code != "ok")
            return;
        string proof = System.IO.Path.Combine(_trial.Root, "proof");
        CommandResult proven = _trial.Client("audit", "prove", "0");
        Assert.True(proven.ExitCode == 0, proven.Error);
        File.WriteAllText(proof, proven.Output);
        CommandResult checkedProof = _trial.Client("audit", "check-proof", proof);
        AssertHarmless(checkedProof.Output + checkedProof.Error);
    }

    private static void AssertHarmless(string text)
    {
        foreach (char c in (char[])['\u001b', '\u009b', '\u202e', '\0'])
            Assert.DoesNotContain(c, text);
    }
}
