using Qwamos.ControlBus.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Keys;

public sealed class KeyIdTests
{
    // By Python: hashlib.sha256(b"qwamos-key\n\x01" + bytes.fromhex(public)).hexdigest()
    private const string Public = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";
    private const string Id = "7743008cd420da6db003727f050c3c8db03af17d308e95af16bee0d2d66e1030";

    [Fact]
    public void Id_is_the_hash_of_domain_type_and_key() =>
        Assert.Equal(Id, KeyId.Of(KeyType.Ed25519, Convert.FromHexString(Public)).ToString());

    [Fact]
    public void One_key_under_two_types_has_two_ids() =>
        Assert.NotEqual(KeyId.Of(KeyType.Ed25519, Convert.FromHexString(Public)), KeyId.Of(KeyType.MlDsa65, Convert.FromHexString(Public)));

    [Fact]
    public void Parsed_id_equals_the_computed_one()
    {
        Assert.True(KeyId.TryParse(Id, out var id));
        Assert.Equal(KeyId.Of(KeyType.Ed25519, Convert.FromHexString(Public)), id);
        Assert.Equal(Id[..16], id.Short);
    }

    [Theory]
    [InlineData("")]
    [InlineData("7743")]
    [InlineData("7743008CD420DA6DB003727F050C3C8DB03AF17D308E95AF16BEE0D2D66E1030")]
    [InlineData("7743008cd420da6db003727f050c3c8db03af17d308e95af16bee0d2d66e103g")]
    [InlineData("7743008cd420da6db003727f050c3c8db03af17d308e95af16bee0d2d66e10300")]
    public void Anything_but_64_lower_case_digits_is_no_id(string text) => Assert.False(KeyId.TryParse(text, out _));

    [Fact]
    public void Zero_value_equals_no_real_id() => Assert.NotEqual(KeyId.Of(KeyType.Ed25519, new byte[32]), default);
}
