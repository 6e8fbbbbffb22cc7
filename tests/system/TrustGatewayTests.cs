using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>Trust roots at a gateway, by the published program: ATTACKS 3, 5, 6, 7, 8 and 13 at its own way in, and at its start.</summary>
public sealed class TrustGatewayTests : IDisposable
{
    private const UnixFileMode Executable = (UnixFileMode)0b111_101_101;

    private readonly Trial _trial = new();
    private readonly TestSigner _anna = TestSigner.Fresh();
    private readonly TestSigner _ben = TestSigner.Fresh();
    private readonly RunningProgram _gateway;
    private readonly Roots _roots;

    public TrustGatewayTests()
    {
        _gateway = _trial.StartGateway();
        _roots = Roots.Of(_trial);
    }

    private TestSigner Dom0 => _trial.Signer;

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void FirstTrustRoot_IsShown_AndFromThenOnItsHoldersSign()
    {
        Assert.Equal(JsonValueKind.Null, Status().GetProperty("trust").ValueKind);
        JsonObject first = _roots.Draft(1, ("anna", _anna));
        Assert.Equal("ok", Ask(Roots.Request(first, Dom0, _anna)).Code());
        // The same again changes nothing, and is no fault.
        Assert.Equal("ok", Ask(Roots.Request(first, Dom0, _anna)).Code());
        JsonElement trust = Status().GetProperty("trust");
        Assert.Equal(1, trust.GetProperty("version").GetInt64());
        Assert.Equal(Roots.Hash(first), trust.GetProperty("sha256").GetString());
        Assert.Equal(0, trust.GetProperty("index").GetInt64());
        Assert.Equal(first["expires"]!.GetValue<long>(), trust.GetProperty("expires").GetInt64());
        Assert.Equal("ok", Ask(Change(_anna, "off")).Code());
        Assert.Equal("bad_signature", Ask(Change(Dom0, "on")).Code());
        Assert.Contains("trust root: version 1, " + Roots.Hash(first), Command.Run([Binaries.Gateway, "status", "--root", _trial.Root]).Output, StringComparison.Ordinal);
        Eventually.True(() => File.ReadAllText(_trial.At("/var/lib/qwamos-gateway/status.json")).Contains(Roots.Hash(first), StringComparison.Ordinal), "status.json shows it");
        JsonElement got = Ask("""{"msg":{"command":"get_trust_root"}}""");
        Assert.Equal(TestSigner.Canonical(first), TestSigner.Canonical(JsonNode.Parse(got.GetProperty("root").GetRawText())));
        _gateway.WaitForLog("trust root 1 is in force from entry 0 on");
    }

    [Fact]
    public void Attack06_SkippedForkedOrHalfSigned_IsRefused_AndTheOneInForceStays()
    {
        JsonObject first = _roots.Draft(1, ("anna", _anna));
        Assert.Equal("ok", Ask(Roots.Request(first, Dom0, _anna)).Code());
        JsonElement skipped = Ask(Roots.Request(_roots.Draft(3, ("ben", _ben)), _anna, _ben));
        Assert.Equal("unproven", skipped.Code());
        Assert.Equal(1, skipped.GetProperty("version").GetInt64());
        Assert.Equal("fork", Ask(Roots.Request(_roots.Draft(1, ("ben", _ben)), Dom0, _ben)).Code());
        JsonObject second = _roots.Draft(2, ("ben", _ben));
        Assert.Equal("not_authorised", Ask(Roots.Request(second, _anna)).Code());
        Assert.Equal("not_authorised", Ask(Roots.Request(second, _ben)).Code());
        Assert.Equal("not_authorised", Ask(Roots.Request(second, Dom0, _ben)).Code());
        Assert.Equal(Roots.Hash(first), Hash());
        Assert.Equal("ok", Ask(Roots.Request(second, _anna, _ben)).Code());
        // Rolled back (13): the older one is nothing any more, whoever signed it.
        JsonElement older = Ask(Roots.Request(first, Dom0, _anna));
        Assert.Equal("superseded", older.Code());
        Assert.Equal(2, older.GetProperty("version").GetInt64());
        Assert.Equal(Roots.Hash(second), Hash());
    }

    [Fact]
    public void Attack03_TwoKeysOfOneHolder_OrOneSignatureTwice_CountOnce()
    {
        var spare = TestSigner.Fresh();
        JsonObject first = _roots.Draft(1, ("anna", _anna), ("anna", spare), ("ben", _ben));
        first["roles"] = new JsonObject { ["root"] = Roots.Role(2, "anna", "ben"), ["operator"] = Roots.Operator(2, "anna", "ben") };
        Assert.Equal("not_authorised", Ask(Roots.Request(first, Dom0, _anna, spare)).Code());
        Assert.Equal("ok", Ask(Roots.Request(first, Dom0, _anna, _ben)).Code());
        JsonObject message = Draft("off");
        Assert.Equal("not_authorised", Ask(TestSigner.RequestBy(message, _anna, spare)).Code());
        Assert.Equal("bad_request", Ask(TestSigner.RequestBy(message, _anna, _anna)).Code());
        Assert.Equal("not_authorised", Ask(TestSigner.RequestBy(message, _anna)).Code());
        Assert.Null(Status().Policy("RADIO_ISOLATION"));
        Assert.Equal("ok", Ask(TestSigner.RequestBy(message, _anna, _ben)).Code());
        JsonObject next = _roots.Draft(2, ("anna", _anna));
        JsonObject twice = Roots.Signed(next, _anna);
        ((JsonArray)twice["signatures"]!).Add(Roots.SignatureOf(next, _anna));
        Assert.Equal("bad_request", Ask(Roots.Request(twice)).Code());
        Assert.Equal("not_authorised", Ask(Roots.Request(next, _anna, spare)).Code());
        Assert.Equal(Roots.Hash(first), Hash());
    }

    [Fact]
    public void Attack05And08_StrippedUnknownOrForAnotherPurpose_IsRefused()
    {
        JsonObject first = _roots.Draft(1, ("anna", _anna));
        Assert.Equal("bad_request", Ask(Roots.Request(first)).Code());
        Assert.Equal("not_authorised", Ask(Roots.Request(first, TestSigner.Fresh())).Code());
        Assert.Equal("unknown_key", Ask(Roots.Request(first, Dom0, _anna, TestSigner.Fresh())).Code());
        foreach (string purpose in (string[])["", "qwamos-ledger-key-v1\n", "qwamos-checkpoint-v1\n", "qwamos-trust-root-v2\n"])
        {
            JsonObject signed = Roots.Signed(first, Dom0);
            ((JsonArray)signed["signatures"]!).Add(Roots.SignatureOf(first, _anna, purpose));
            Assert.Equal("bad_signature", Ask(Roots.Request(signed)).Code());
        }
        // The other way round: a signature under a trust root is none under a change.
        JsonObject message = Draft("off");
        string asRoot = Convert.ToBase64String(Dom0.SignBytes("qwamos-trust-root-v1\n" + TestSigner.Canonical(message)));
        Assert.Equal("bad_signature", Ask($"{{\"msg\":{TestSigner.Canonical(message)},\"signature\":\"{asRoot}\"}}").Code());
        Assert.Equal(JsonValueKind.Null, Status().GetProperty("trust").ValueKind);
        Assert.Equal(0, Status().GetProperty("size").GetInt64());
    }

    [Fact]
    public void MalformedOnes_NeverTakeThePlaceOfAGoodOne()
    {
        JsonObject first = _roots.Draft(1, ("anna", _anna));
        Assert.Equal("ok", Ask(Roots.Request(first, Dom0, _anna)).Code());
        (Action<JsonObject> Change, string Code)[] bad =
        [
            (root => root["format"] = 2, "bad_request"),
            (root => root["more"] = 1, "bad_request"),
            (root => root["roles"]!["root"]!["threshold"] = 0, "bad_request"),
            (root => root["roles"]!["root"]!["threshold"] = 2, "bad_request"),
            (root => root["roles"]!["root"]!["threshold"] = -1, "bad_request"),
            (root => root["holders"]!["ben"] = new JsonArray(Roots.KeyOf(_anna)), "bad_request"),
            (root => root["revoked"] = new JsonArray(Roots.Revoked(_anna, 0)), "bad_request"),
            (root => root["system"] = new string('0', 32), "wrong_system"),
            (root => root["created"] = root["expires"]!.GetValue<long>() - 1, "from_future"),
        ];
        foreach ((Action<JsonObject> change, string code) in bad)
        {
            JsonObject second = _roots.Draft(2, ("anna", _anna));
            change(second);
            Assert.Equal(code, Ask(Roots.Request(second, _anna)).Code());
            Assert.Equal(Roots.Hash(first), Hash());
        }

        Assert.Equal("ok", Ask(Change(_anna, "off")).Code());
    }

    /// <summary>Staying with the one before would be to go on believing keys that are known to have left.</summary>
    [Fact]
    public void ExpiredOne_LetsNothingThroughButTheNext()
    {
        JsonObject first = _roots.Draft(1, ("anna", _anna));
        first["created"] = TestSigner.Now - 1000;
        first["expires"] = TestSigner.Now - 10;
        Assert.Equal("ok", Ask(Roots.Request(first, Dom0, _anna)).Code());
        Assert.Equal("not_authorised", Ask(Change(_anna, "off")).Code());
        Assert.Equal("bad_signature", Ask(Change(Dom0, "off")).Code());
        Assert.Contains("EXPIRED", Command.Run([Binaries.Gateway, "status", "--root", _trial.Root]).Output, StringComparison.Ordinal);
        Assert.Equal("ok", Ask(Roots.Request(_roots.Draft(2, ("ben", _ben)), _anna, _ben)).Code());
        Assert.Equal("ok", Ask(Change(_ben, "off")).Code());
    }

    [Fact]
    public void Attack07_RevokedKey_IsRefused_ItsEarlierChangeStands_AndWhatItStagedIsNotApplied()
    {
        string seen = _trial.At("/seen");
        Hook("RADIO_ISOLATION", $"echo \"$2\" >>{seen}");
        JsonObject first = _roots.Draft(1, ("anna", _anna), ("ben", _ben));
        Assert.Equal("ok", Ask(Roots.Request(first, Dom0, _anna)).Code());
        Assert.Equal("ok", Ask(Change(_anna, "off")).Code());
        JsonObject staged = Draft("on");
        staged["mode"] = "staged";
        Assert.Equal("ok", Ask(TestSigner.RequestBy(staged, _anna)).Code());
        JsonObject other = TestSigner.Draft("""{"TOR_ISOLATION":"mandatory"}""");
        (other["system"], other["mode"]) = (_roots.System, "staged");
        Assert.Equal("ok", Ask(TestSigner.RequestBy(other, _ben)).Code());

        JsonObject second = _roots.Draft(2, ("ben", _ben));
        second["revoked"] = new JsonArray(Roots.Revoked(_anna, 1_000));
        Assert.Equal("ok", Ask(Roots.Request(second, _ben)).Code());
        JsonElement refused = Ask(TestSigner.RequestBy(Draft("on"), _anna));
        Assert.Equal("unknown_key", refused.Code());
        Assert.Contains("revoked", refused.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Equal("off", Status().Policy("RADIO_ISOLATION"));
        // Nor does a later version bring the key back.
        JsonObject third = _roots.Draft(3, ("ben", _ben));
        Assert.Equal("bad_request", Ask(Roots.Request(third, _ben)).Code());

        Assert.Equal(0, _gateway.Stop());
        RunningProgram again = _trial.StartGateway();
        JsonElement status = Status();
        Assert.Equal(("off", "on"), (status.Policy("RADIO_ISOLATION"), status.Pending("RADIO_ISOLATION")));
        Assert.Equal("mandatory", status.Policy("TOR_ISOLATION"));
        Assert.Contains($"the key {_anna.KeyId}, which signed entry 2, is revoked", again.Log, StringComparison.Ordinal);
        Eventually.True(() => File.Exists(seen) && File.ReadAllText(seen).Contains("off", StringComparison.Ordinal), "the policy is enforced");
        Assert.DoesNotContain("on\n", File.ReadAllText(seen), StringComparison.Ordinal);
        Assert.Equal(2, status.GetProperty("trust").GetProperty("version").GetInt64());
    }

    [Fact]
    public void Attack13_AnotherAnchorThanTheFirstRootWasSignedBy_StopsTheStart_AndEnrolBeginsAnew()
    {
        JsonObject first = _roots.Draft(1, ("anna", _anna));
        Assert.Equal("ok", Ask(Roots.Request(first, Dom0, _anna)).Code());
        Assert.Equal(0, _gateway.Stop());
        string anchor = _trial.At("/etc/qwamos/dom0.pub");
        byte[] right = File.ReadAllBytes(anchor);
        File.WriteAllBytes(anchor, TestSigner.Fresh().PublicKey);
        RunningProgram stopped = _trial.StartGateway(waitReady: false);
        Assert.NotEqual(0, stopped.WaitForExit());
        Assert.Contains("the trust root of entry 0 does not follow from the enrolled key", stopped.Log, StringComparison.Ordinal);
        Assert.Contains("enroll FILE --system HEX --replace", stopped.Log, StringComparison.Ordinal);

        File.WriteAllBytes(anchor, right);
        string key = Path.Combine(_trial.Home, "ed25519_pk");
        CommandResult enrolled = Command.Run([Binaries.Gateway, "--root", _trial.Root, "enroll", key, "--replace", "--fingerprint", Dom0.KeyId, "--system", _roots.System]);
        Assert.Equal((0, true), (enrolled.ExitCode, enrolled.Output.Contains("are forgotten", StringComparison.Ordinal)));
        _trial.StartGateway();
        Assert.Equal(JsonValueKind.Null, Status().GetProperty("trust").ValueKind);
        // What was drawn up before is dead, whoever sends it.
        Assert.Equal("superseded", Ask(Roots.Request(first, Dom0, _anna)).Code());
        JsonObject anew = _roots.Draft(1, ("anna", _anna));
        anew["created"] = first["created"]!.GetValue<long>() + 1;
        Assert.Equal("ok", Ask(Roots.Request(anew, Dom0, _anna)).Code());
    }

    /// <summary>Root may come to a VM long after Dom0 began anew, and may have enrolled a wrong key there first.</summary>
    [Fact]
    public void EnrolledLate_OrAfterAWrongKey_TakesTheTrustRootThatDom0HasByThen()
    {
        JsonObject old = _roots.Draft(1, ("anna", _anna));
        old["created"] = TestSigner.Now - 1_000;
        JsonObject next = _roots.Draft(1, ("ben", _ben));
        next["created"] = TestSigner.Now - 500;
        Assert.Equal("ok", Ask(Roots.Request(old, Dom0, _anna)).Code());
        Assert.Equal(0, _gateway.Stop());
        string wrong = _trial.At("/wrong_pk"), right = Path.Combine(_trial.Home, "ed25519_pk");
        TestSigner other = TestSigner.Fresh();
        File.WriteAllBytes(wrong, other.PublicKey);
        foreach ((string file, string id) in new[] { (wrong, other.KeyId), (right, Dom0.KeyId) })
        {
            CommandResult enrolled = Command.Run([Binaries.Gateway, "--root", _trial.Root, "enroll", file, "--replace", "--fingerprint", id, "--system", _roots.System]);
            Assert.True(enrolled.ExitCode == 0, enrolled.Error);
        }
        _trial.StartGateway();
        Assert.Equal("superseded", Ask(Roots.Request(old, Dom0, _anna)).Code());
        Assert.Equal("ok", Ask(Roots.Request(next, Dom0, _ben)).Code());
        Assert.Equal("ok", Ask(Change(_ben, "off")).Code());
    }

    [Theory]
    [InlineData("forged")]
    [InlineData("flipped")]
    [InlineData("torn")]
    public void Attack06And30_DamagedRecordWhoseTrustRootsDoNotFollow_LeavesTheGatewayClosed_WithAMendThatWorks(string how)
    {
        Needs.Tool("python3");
        JsonObject first = _roots.Draft(1, ("anna", _anna)), second = _roots.Draft(2, ("ben", _ben));
        Assert.Equal("ok", Ask(Roots.Request(first, Dom0, _anna)).Code());
        if (how != "forged")
            Assert.Equal("ok", Ask(Roots.Request(second, _anna, _ben)).Code());
        Assert.Equal(0, _gateway.Stop());
        string record = _trial.At("/var/lib/qwamos-gateway/accepted.db");
        Damage(record, how);

        RunningProgram closed = _trial.StartGateway(waitReady: false);
        Assert.NotEqual(0, closed.WaitForExit());
        if (how == "forged")
            Assert.Contains("the trust root of entry 0 does not follow from the enrolled key", closed.Log, StringComparison.Ordinal);
        Assert.Contains(record, closed.Log, StringComparison.Ordinal);
        string folder = _trial.At("/var/lib/qwamos-gateway/kept");
        string mend = $"mkdir {folder} && mv {record}* {folder}";
        Assert.Contains(mend, closed.Log, StringComparison.Ordinal);
        Assert.ThrowsAny<Exception>(() => Status());

        Assert.Equal(0, Command.Run(["sh", "-c", mend]).ExitCode);
        _trial.StartGateway();
        Assert.Equal(JsonValueKind.Null, Status().GetProperty("trust").ValueKind);
        // What Dom0 has is taken again, from the first version on.
        Assert.Equal("unproven", Ask(Roots.Request(second, _anna, _ben)).Code());
        Assert.Equal("ok", Ask(Roots.Request(first, Dom0, _anna)).Code());
        Assert.Equal("ok", Ask(Roots.Request(second, _anna, _ben)).Code());
        Assert.Equal("bad_signature", Ask(Change(_anna, "off")).Code());
        Assert.Equal("ok", Ask(Change(_ben, "off")).Code());
    }

    private static void Damage(string record, string how)
    {
        byte[] content = File.ReadAllBytes(record);
        if (how == "torn")
        {
            // As a disk that lost a page: the first after the header that holds anything of the tables.
            Array.Clear(content, 4096, 4096);
            File.WriteAllBytes(record, content);
            return;
        }
        if (how == "flipped")
        {
            // Everywhere: a page may hold what was there before, and the snapshot has it, too.
            for (int at = 0, next; (next = content.AsSpan(at).IndexOf("\"signatures\":[{\"key_id\":\""u8)) >= 0;)
                content[(at += next + 1) + 30] ^= 1;
            File.WriteAllBytes(record, content);
            return;
        }
        // Only the chain of signatures tells.
        ForgedLedger.Write(record, """leaf[:(at := leaf.index(b'"expires":') + 10)] + b"9" + leaf[at + 1:]""");
    }

    private JsonObject Draft(string value)
    {
        JsonObject message = TestSigner.Draft($"{{\"RADIO_ISOLATION\":\"{value}\"}}");
        message["system"] = _roots.System;
        return message;
    }

    private byte[] Change(TestSigner signer, string value) => signer.Request(Draft(value));

    private string Hash() => Status().GetProperty("trust").GetProperty("sha256").GetString()!;

    private JsonElement Status() => Ask("""{"msg":{"command":"get_status"}}""");

    private JsonElement Ask(string request) => Ask(Encoding.UTF8.GetBytes(request));

    private JsonElement Ask(byte[] request) => _trial.Ask(request, _trial.GatewaySocket);

    private void Hook(string key, string script) => _trial.Write($"/etc/qwamos/hooks.d/{key}", "#!/bin/sh\n" + script + "\n", Executable);
}
