using System.Text.Json;
using Qwamos.ControlBus.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Keys;

public sealed class WycheproofTests
{
    [Fact]
    public void Every_vector_has_its_expected_outcome()
    {
        string path = Path.Combine(Vectors.Find("wycheproof"), "ed25519_test.json");
        using var file = JsonDocument.Parse(File.ReadAllBytes(path));
        int count = 0;
        foreach (var group in file.RootElement.GetProperty("testGroups").EnumerateArray())
        {
            string publicKey = group.GetProperty("publicKey").GetProperty("pk").GetString()!;
            bool isLoaded = VerifyingKey.TryLoad(Convert.FromHexString(publicKey), out var key, out _);
            foreach (var test in group.GetProperty("tests").EnumerateArray())
            {
                bool holds = isLoaded && key!.Verify(
                    Convert.FromHexString(test.GetProperty("msg").GetString()!), Convert.FromHexString(test.GetProperty("sig").GetString()!));
                Assert.True(
                    holds == (test.GetProperty("result").GetString() == "valid"),
                    $"tcId {test.GetProperty("tcId").GetInt32()}: {test.GetProperty("comment").GetString()}");
                count++;
            }
        }

        Assert.Equal(file.RootElement.GetProperty("numberOfTests").GetInt32(), count);
    }
}
