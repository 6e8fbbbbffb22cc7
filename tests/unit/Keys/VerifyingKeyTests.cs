using System.Numerics;
using Qwamos.ControlBus.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Keys;

/// <summary>The points and signatures below were computed once outside the project from the curve's equation (RFC 8032 section 5.1).</summary>
public sealed class VerifyingKeyTests
{
    private static readonly byte[] Message = "{\"command\":\"x\"}"u8.ToArray();
    private static readonly BigInteger Order = (BigInteger.One << 252) + BigInteger.Parse("27742317777372353535851937790883648493");

    private static SigningKey TestKey() =>
        SigningKey.TryLoad([.. Enumerable.Range(0, 32).Select(i => (byte)i)], out var key, out _) ? key : throw new InvalidOperationException();

    [Fact]
    public void Attack01_signature_with_L_added_to_S_is_refused()
    {
        using var key = TestKey();
        byte[] signature = key.Sign(Message);
        Assert.True(key.Public.Verify(Message, signature));

        var s = new BigInteger(signature.AsSpan(32), isUnsigned: true) + Order;
        byte[] moved = new byte[32];
        s.TryWriteBytes(moved, out _, isUnsigned: true);
        Assert.False(key.Public.Verify(Message, [.. signature[..32], .. moved]));
    }

    [Theory]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000080")]
    [InlineData("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa")]
    public void Attack02_small_order_public_key_is_refused(string hex) => Assert.False(Loads(hex));

    [Theory]
    [InlineData("b502ff3d92e31d8190b4aa4ea0414005167fad089c4de9dac8a2fc850fed4f58")]
    [InlineData("8b2a59ac4324b312dd8d7e5480f0d2e11412b04eeb4e515268a730a951142b6c")]
    [InlineData("b154bd62188ae283dd187fefe8c31f5e276edf083b4cff11c9d5cff856c74440")]
    [InlineData("ea5ef8400c31ef41e28f22e718b43f66981b29cf645af2a0e223799bedaace47")]
    [InlineData("38fd00c26d1ce27e6f4b55b15fbebffae98052f763b21625375d037af012b0a7")]
    [InlineData("62d5a653bcdb4ced227281ab7f0f2d1eebed4fb114b1aead9758cf56aeebd493")]
    [InlineData("3cab429de7751d7c22e78010173ce0a1d89120f7c4b300ee362a3007a938bbbf")]
    public void Attack02_mixed_order_public_key_is_refused(string hex) => Assert.False(Loads(hex));

    [Theory]
    [InlineData("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000080")]
    [InlineData("0200000000000000000000000000000000000000000000000000000000000000")]
    public void Attack02_non_canonical_or_impossible_public_key_is_refused(string hex) => Assert.False(Loads(hex));

    [Theory]
    [InlineData("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037ad217b2751230b9b4d8dde86f8bd6970f0e7ecd473ed68a8a279b59d6ec618c0c")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000a1c06b5660de012bb523a671a08fef446c62bb67bec1ea3f3b244132c2ba9507")]
    public void Attack02_signature_with_small_order_R_is_refused(string signature)
    {
        using var key = TestKey();
        Assert.False(key.Public.Verify(Message, Convert.FromHexString(signature)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    [InlineData(64)]
    public void Key_of_another_size_is_refused(int size)
    {
        Assert.False(VerifyingKey.TryLoad(new byte[size], out _, out string? fault));
        Assert.Contains($"not {size}", fault, StringComparison.Ordinal);
        Assert.False(SigningKey.TryLoad(new byte[size], out _, out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(63)]
    [InlineData(65)]
    public void Signature_of_another_size_does_not_hold(int size)
    {
        using var key = TestKey();
        byte[] signature = key.Sign(Message);
        Array.Resize(ref signature, size);
        Assert.False(key.Public.Verify(Message, signature));
    }

    [Fact]
    public void Generated_keys_differ_and_verify_their_own_signatures_only()
    {
        using var one = SigningKey.Generate();
        using var other = SigningKey.Generate();
        byte[] signature = one.Sign(Message);
        Assert.NotEqual(one.Public.Id, other.Public.Id);
        Assert.True(one.Public.Verify(Message, signature));
        Assert.False(other.Public.Verify(Message, signature));
    }

    private static bool Loads(string hex) => VerifyingKey.TryLoad(Convert.FromHexString(hex), out _, out _);
}
