using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Audit;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

/// <summary>What the audit commands say of trust roots: in a proof, and where root had the trust begin anew.</summary>
public sealed class AuditTrustTests : IDisposable
{
    private readonly ClientTrial _client = new();
    private readonly AuditTrial _ledger = new(30);

    public AuditTrustTests() => _client.Clock = _ledger.Clock;

    private string Export => Path.Combine(_client.Root, "export");

    public void Dispose()
    {
        _ledger.Dispose();
        _client.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Proof_of_a_change_that_waited_for_its_signers_carries_what_it_takes_to_check_it_offline(bool isExport)
    {
        using var second = SigningKey.Generate();
        var index = _ledger.AddWaited(second);
        string proof;
        using (Serve())
        {
            if (isExport)
                Assert.Equal(0, _client.Run("audit", "export", Export));
            Assert.True(_client.Run(["audit", "prove", $"{index}", .. isExport ? ["--from", Export, "--key", _ledger.Signer.Key.ToString()] : Array.Empty<string>()]) == 0, _client.Error);
            proof = _client.Write("waited", _client.Output);
        }
        Assert.True(CheckProof(proof) == 0, _client.Error);
        Assert.Contains("under     trust root 1, in force then; the proof has versions 1 to 2", _client.Output, StringComparison.Ordinal);
        Assert.Contains($"disowned  {second.Public.Id}, which signed it", _client.Output, StringComparison.Ordinal);
        Assert.Equal(0, CheckProof(proof, "-o", "json"));
        Assert.True(_client.Json.TryGet("disowned", out var disowned) && disowned.Equals(JsonValue.Array([second.Public.Id.ToString()])));
        Assert.True(_client.Json.TryGet("trust_version", out var version) && version.Equals(JsonValue.Of(1)));
    }

    [Fact]
    public void Proof_from_an_export_has_the_trust_roots_of_the_entrys_own_trust()
    {
        using var second = SigningKey.Generate();
        var before = _ledger.AddWaited(second);
        _ledger.History.Now++;
        _ledger.History.Import(BootNote.AnchorReplaced(_ledger.History.State.LastNote + 1, _ledger.History.Now, new string('1', 64), new string('2', 64)));
        using var third = SigningKey.Generate();
        var after = _ledger.AddWaited(third);
        using (Serve())
            _client.Run("audit", "export", Export);
        foreach (var (index, key) in new[] { (before, second), (after, third) })
        {
            Assert.True(_client.Run("audit", "prove", $"{index}", "--from", Export, "--key", _ledger.Signer.Key.ToString()) == 0, _client.Error);
            Assert.True(CheckProof(_client.Write($"proof{index}", _client.Output)) == 0, _client.Error);
            Assert.Contains($"disowned  {key.Public.Id}", _client.Output, StringComparison.Ordinal);
        }
        Assert.Equal(0, Verify("-o", "json"));
        Assert.True(_client.Json.TryGet("disowned", out var disowned) && disowned.Equals(JsonValue.Of(2)));
    }

    [Fact]
    public void Verify_says_where_the_trust_began_anew()
    {
        for (var times = 0; times < 10; times++)
            _ledger.History.Import(BootNote.AnchorReplaced(_ledger.History.State.LastNote + 1, _ledger.History.Now, new string('1', 64), new string('2', 64)));
        using (Serve())
            _client.Run("audit", "export", Export);
        Assert.Equal(0, Verify());
        Assert.DoesNotContain("began anew at entry 31", _client.Output, StringComparison.Ordinal);
        Assert.Contains("the trust began anew at entry 32:", _client.Output, StringComparison.Ordinal);
        Assert.Contains("the trust began anew at entry 39:", _client.Output, StringComparison.Ordinal);
        Assert.Contains("and 2 times before", _client.Output, StringComparison.Ordinal);
        Assert.Equal(0, Verify("-o", "json"));
        Assert.True(_client.Json.TryGet("begun_anew", out var begun) && begun.Equals(JsonValue.Array(Enumerable.Range(30, 10).Select(index => JsonValue.Of(index)))));
    }

    private string Signer()
    {
        var file = Path.Combine(_client.Root, "operator_pk");
        File.WriteAllBytes(file, _ledger.Operators[0].Raw.ToArray());
        return file;
    }

    private int Verify(params string[] more) => _client.Run(["audit", "verify", Export, "--key", _ledger.Signer.Key.ToString(), "--signer", Signer(), .. more]);

    private int CheckProof(string file, params string[] more) => _client.Run(["audit", "check-proof", file, "--key", _ledger.Signer.Key.ToString(), "--signer", Signer(), .. more]);

    private FakeBus Serve() => _ledger.Serve(_client.Socket);
}
