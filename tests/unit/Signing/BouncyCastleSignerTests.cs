using System.Text.Json;
using CsCheck;
using Org.BouncyCastle.Math.EC.Rfc8032;
using Qwamos.Client.Signing;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Tests.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Signing;

/// <summary>What signs where there is no libsodium gives libsodium's signatures: by the standard's vectors, by those of others, and compared with it.</summary>
public sealed class BouncyCastleSignerTests
{
    /// <summary>The private key of the vectors' first public key; older editions of them have it beside that key.</summary>
    private const string WycheproofSeed = "add4bb8103785baf9ac534258e8aaf65f5f1adb5ef5f3df19bb80ab989c4d64b";

    private const int LongestMessageBytes = 65_536;

    private const int DifferentialRuns = 2_000;

    [Theory]
    [MemberData(nameof(Rfc8032Tests.Section71), MemberType = typeof(Rfc8032Tests))]
    public void Vectors_of_section_7_1_are_signed_as_there(string name, string seed, string publicKey, string message, string signature)
    {
        using BouncyCastleSigner signer = new(Convert.FromHexString(seed));
        Assert.True(publicKey == Convert.ToHexStringLower(signer.PublicKey), name);
        Assert.True(signature == Convert.ToHexStringLower(signer.Sign(Convert.FromHexString(message))), name);
    }

    [Fact]
    public void Every_valid_wycheproof_vector_of_the_known_private_key_is_signed_as_there()
    {
        using var file = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Vectors.Find("wycheproof"), "ed25519_test.json")));
        using BouncyCastleSigner signer = new(Convert.FromHexString(WycheproofSeed));
        var publicKey = Convert.ToHexStringLower(signer.PublicKey);
        var vectors =
            from testGroup in file.RootElement.GetProperty("testGroups").EnumerateArray()
            where testGroup.GetProperty("publicKey").GetProperty("pk").GetString() == publicKey
            from vector in testGroup.GetProperty("tests").EnumerateArray()
            where vector.GetProperty("result").GetString() == "valid"
            select (Message: vector.GetProperty("msg").GetString()!, Signature: vector.GetProperty("sig").GetString()!);
        Assert.NotEmpty(vectors);
        Assert.All(vectors, vector => Assert.Equal(vector.Signature, Convert.ToHexStringLower(signer.Sign(Convert.FromHexString(vector.Message)))));
    }

    [Fact]
    public void Any_key_and_message_give_libsodiums_public_key_and_signature_and_each_verifies_the_others()
    {
        var length = Gen.Frequency((20, Gen.Int[0, 300]), (1, Gen.Int[0, LongestMessageBytes]));
        Gen.Select(Gen.Byte.Array[SigningKey.SeedSizeBytes], length.SelectMany(bytes => Gen.Byte.Array[bytes])).Sample(
            (seed, message) =>
            {
                Assert.True(SigningKey.TryLoad(seed, out var sodium, out _));
                using var disposed = sodium;
                using BouncyCastleSigner castle = new(seed);
                Assert.Equal(sodium.PublicRaw, castle.PublicKey);
                var signature = castle.Sign(message);
                Assert.Equal(sodium.Sign(message), signature);
                Assert.True(sodium.Public.Verify(message, signature));
                Assert.True(Ed25519.Verify(sodium.Sign(message), 0, castle.PublicKey.ToArray(), 0, message, 0, message.Length));
                signature[^1] ^= 1;
                Assert.False(sodium.Public.Verify(message, signature));
            },
            iter: DifferentialRuns);
    }

    [Fact]
    public void A_disposed_signer_has_forgotten_its_key()
    {
        var seed = Convert.FromHexString(WycheproofSeed);
        BouncyCastleSigner signer = new(seed);
        var before = signer.Sign([1]);
        signer.Dispose();
        Assert.NotEqual(before, signer.Sign([1]));
        using BouncyCastleSigner ofZeros = new(new byte[SigningKey.SeedSizeBytes]);
        Assert.Equal(ofZeros.Sign([1]), signer.Sign([1]));
    }
}
