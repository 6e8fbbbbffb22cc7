using System.Numerics;
using System.Text;
using System.Text.Json.Nodes;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>ATTACKS 1, 2, 5 and 22 on the running daemon.</summary>
public sealed class SignatureAttackTests : IDisposable
{
    // The order of the Ed25519 base point, RFC 8032 section 5.1.
    private static readonly BigInteger L = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493");
    private readonly Trial _trial = new();

    public SignatureAttackTests() => _trial.StartDaemon();

    public void Dispose() => _trial.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(15)] // the greatest multiple that 256 bits always hold
    public void Attack01_SignatureWithAMultipleOfLAddedToS_IsRefused(int times)
    {
        JsonObject message = TestSigner.Draft("""{"RADIO_ISOLATION":"off"}""");
        byte[] signature = _trial.Signer.SignBytes(TestSigner.Canonical(message));
        var s = new BigInteger(signature.AsSpan(32), isUnsigned: true) + (times * L);
        byte[] malleated = new byte[64];
        signature.AsSpan(0, 32).CopyTo(malleated);
        Assert.True(s.TryWriteBytes(malleated.AsSpan(32), out _, isUnsigned: true));
        AssertRefusedAndNothingChanged(message, malleated);
        Assert.Equal("ok", _trial.Ask(Request(message, signature)).Code());
    }

    [Theory]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")] // the neutral element
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")] // order 4
    [InlineData("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")] // order 8
    [InlineData("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")] // p, a non-canonical zero
    public void Attack02_SmallOrderOrNonCanonicalR_IsRefused(string rHex)
    {
        JsonObject message = TestSigner.Draft("""{"RADIO_ISOLATION":"off"}""");
        byte[] signature = _trial.Signer.SignBytes(TestSigner.Canonical(message));
        Convert.FromHexString(rHex).CopyTo(signature, 0);
        AssertRefusedAndNothingChanged(message, signature);
    }

    [Theory]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")] // small order
    [InlineData("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")] // small order
    [InlineData("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")] // non-canonical
    [InlineData("0200000000000000000000000000000000000000000000000000000000000000")] // not on the curve
    [InlineData("b502ff3d92e31d8190b4aa4ea0414005167fad089c4de9dac8a2fc850fed4f58")] // mixed order
    public void Attack02_BadPublicKeyAsAnchor_StopsTheStart(string keyHex)
    {
        using var other = new Trial();
        File.WriteAllBytes(other.At("/etc/qwamos/dom0.pub"), Convert.FromHexString(keyHex));
        using RunningProgram daemon = other.StartDaemon(waitReady: false);
        Assert.NotEqual(0, daemon.WaitForExit());
        Assert.Contains("dom0.pub", daemon.Log);
        Assert.False(File.Exists(other.LedgerFile));
    }

    [Fact]
    public void Attack05_SignatureStripped_IsRefused()
    {
        string canonical = TestSigner.Canonical(TestSigner.Draft("""{"RADIO_ISOLATION":"off"}"""));
        Assert.Equal("bad_request", _trial.Ask(Encoding.UTF8.GetBytes($"{{\"msg\":{canonical}}}\n")).Code());
        Assert.Equal("bad_request", _trial.Ask(Encoding.UTF8.GetBytes($"{{\"msg\":{canonical},\"signatures\":[]}}\n")).Code());
        Assert.Equal("bad_request", _trial.Ask(Encoding.UTF8.GetBytes($"{{\"msg\":{canonical},\"signature\":\"\"}}\n")).Code());
        Assert.Equal("bad_request", _trial.Ask(Encoding.UTF8.GetBytes($"{{\"msg\":{canonical},\"signature\":null}}\n")).Code());
        AssertNothingChanged();
    }

    [Fact]
    public void Attack05_OnlyAnUnknownKey_IsRefused()
    {
        var stranger = TestSigner.Fresh();
        JsonObject message = TestSigner.Draft("""{"RADIO_ISOLATION":"off"}""");
        Assert.Equal("bad_signature", _trial.Ask(stranger.Request(message)).Code());
        string canonical = TestSigner.Canonical(message);
        string signature = Convert.ToBase64String(stranger.SignBytes(canonical));
        string named = $"{{\"msg\":{canonical},\"signatures\":[{{\"key_id\":\"{stranger.KeyId}\",\"signature\":\"{signature}\"}}]}}\n";
        Assert.Equal("unknown_key", _trial.Ask(Encoding.UTF8.GetBytes(named)).Code());
        string borrowed = named.Replace(stranger.KeyId, _trial.Signer.KeyId, StringComparison.Ordinal);
        Assert.Equal("bad_signature", _trial.Ask(Encoding.UTF8.GetBytes(borrowed)).Code());
        AssertNothingChanged();
    }

    [Fact]
    public void SignaturesListWithOneGoodElement_IsAccepted_AndOneOfAnUnknownKeyBesideIt_IsNot()
    {
        JsonObject message = TestSigner.Draft("""{"RADIO_ISOLATION":"off"}""");
        string canonical = TestSigner.Canonical(message);
        string one = $"{{\"key_id\":\"{_trial.Signer.KeyId}\",\"signature\":\"{Convert.ToBase64String(_trial.Signer.SignBytes(canonical))}\"}}";
        string other = one.Replace(_trial.Signer.KeyId, new string('a', 64), StringComparison.Ordinal);
        Assert.Equal("unknown_key", _trial.Ask(Encoding.UTF8.GetBytes($"{{\"msg\":{canonical},\"signatures\":[{one},{other}]}}\n")).Code());
        Assert.Equal("ok", _trial.Ask(Encoding.UTF8.GetBytes($"{{\"msg\":{canonical},\"signatures\":[{one}]}}\n")).Code());
    }

    [Fact]
    public void Attack22_WhatIsAppliedIsWhatWasVerified_WhateverSurroundsIt()
    {
        // The signature is over the canonical form: the same message written otherwise verifies, another does not.
        JsonObject message = TestSigner.Draft("""{"RADIO_ISOLATION":"off"}""");
        string signature = Convert.ToBase64String(_trial.Signer.SignBytes(TestSigner.Canonical(message)));
        string spaced = $"  {{ \"signature\" : \"{signature}\" , \"msg\" : {{ \"timestamp\" : {message["timestamp"]} , \"nonce\":\"{message["nonce"]}\","
            + "\"args\" : { \"RADIO_\\u0049SOLATION\" : \"\\u006fff\" }, \"command\":\"set_policy\" } }";
        string doubled = spaced.Replace("\"command\"", "\"args\":{\"RADIO_ISOLATION\":\"on\"},\"command\"", StringComparison.Ordinal);
        Assert.Equal("bad_json", _trial.Ask(Encoding.UTF8.GetBytes(doubled)).Code());
        Assert.Equal("ok", _trial.Ask(Encoding.UTF8.GetBytes(spaced)).Code());
        Assert.Equal("off", _trial.Status().Policy("RADIO_ISOLATION"));
    }

    private static byte[] Request(JsonObject message, byte[] signature) =>
        Encoding.UTF8.GetBytes($"{{\"msg\":{TestSigner.Canonical(message)},\"signature\":\"{Convert.ToBase64String(signature)}\"}}\n");

    private void AssertRefusedAndNothingChanged(JsonObject message, byte[] signature)
    {
        Assert.Equal("bad_signature", _trial.Ask(Request(message, signature)).Code());
        AssertNothingChanged();
    }

    private void AssertNothingChanged()
    {
        Assert.Null(_trial.Status().Policy("RADIO_ISOLATION"));
        Assert.Equal(0, _trial.Status().GetProperty("size").GetInt64());
    }
}
