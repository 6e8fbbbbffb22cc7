using System.Security.Cryptography;
using CsCheck;
using Qwamos.ControlBus.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Keys;

public sealed class Sha256PrefixTests
{
    [Fact]
    public void AnyTextsThatBeginAlike_HaveTheirSha256_OneAfterAnotherAndAtOnce() =>
        Gen.Select(Gen.Byte.Array[0, 200], Gen.Byte.Array[0, 200].Array[1, 8]).Sample((beginning, rests) =>
        {
            var prefix = new Sha256Prefix(beginning);
            var hashes = new byte[rests.Length][];
            Parallel.For(0, rests.Length, i => prefix.Hash(rests[i], hashes[i] = new byte[32]));
            for (var i = 0; i < rests.Length; i++)
                Assert.Equal(SHA256.HashData([.. beginning, .. rests[i]]), hashes[i]);
        }, iter: 300);
}
