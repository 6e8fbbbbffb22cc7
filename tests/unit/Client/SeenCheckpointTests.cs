using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Tests.Audit;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

/// <summary>The client keeps the last checkpoint that it saw, and demands that the next one extends it.</summary>
public sealed class SeenCheckpointTests : IDisposable
{
    private readonly ClientTrial _client = new();
    private readonly AuditTrial _ledger = new(10);

    public SeenCheckpointTests() => Directory.CreateDirectory(_client.Home);

    private string Seen => Path.Combine(_client.Home, "seen", AuditTrial.SystemIdText);

    public void Dispose()
    {
        _ledger.Dispose();
        _client.Dispose();
    }

    [Fact]
    public void First_key_is_pinned_and_said_and_growth_is_followed_silently()
    {
        using var bus = _ledger.Serve(_client.Socket);
        Assert.Equal(0, _client.Run("audit", "checkpoint"));
        Assert.Equal($"Seen for the first time, and pinned, not signed: the ledger's key {_ledger.Signer.Key}\n", _client.Error);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Seen));
        for (var i = 10; i < 25; i++)
        {
            _ledger.AddOne(i);
            Assert.Equal(0, _client.Run("audit", i % 2 == 0 ? "checkpoint" : "key"));
            Assert.Equal("", _client.Error);
        }
        Assert.Equal($"{_ledger.Signer.Key}\n{_ledger.Signer.Sign(Checkpoint.Of(_ledger.Signer.Key.Name, _ledger.Store.Tree()))}", File.ReadAllText(Seen));
    }

    [Fact]
    public void Nothing_is_kept_without_a_key_home()
    {
        Directory.Delete(_client.Home);
        using var bus = _ledger.Serve(_client.Socket);
        Assert.Equal(0, _client.Run("audit", "checkpoint"));
        Assert.Equal("", _client.Error);
        Assert.False(Directory.Exists(_client.Home));
    }

    [Fact]
    public void Attack13_Ledger_that_was_put_back_is_refused_and_the_evidence_kept()
    {
        See(_ledger);
        using var older = new AuditTrial(9, _ledger.Signer);
        Refused(older, "has 9 entries, and 10 were seen before");
    }

    [Fact]
    public void Attack37_Other_history_of_the_same_key_is_refused_and_the_evidence_kept()
    {
        See(_ledger);
        using var other = new AuditTrial(10, _ledger.Signer);
        Refused(other, "does not begin with the 10 entries seen before");
        using var longer = new AuditTrial(20, _ledger.Signer);
        Refused(longer, "does not begin with the 10 entries seen before");
    }

    [Fact]
    public void Attack37_Other_key_for_the_same_system_is_refused_and_the_evidence_kept()
    {
        See(_ledger);
        using var other = new AuditTrial(10);
        Refused(other, "was seen before: another ledger is in its place");
    }

    [Fact]
    public void Damaged_memory_is_said_and_not_written_over()
    {
        See(_ledger);
        File.WriteAllText(Seen, "nonsense");
        using var bus = _ledger.Serve(_client.Socket);
        Assert.Equal(1, _client.Run("audit", "checkpoint"));
        Assert.Contains("does not hold a checkpoint", _client.Error, StringComparison.Ordinal);
        Assert.Equal("nonsense", File.ReadAllText(Seen));
    }

    private void See(AuditTrial ledger)
    {
        using var bus = ledger.Serve(_client.Socket);
        Assert.Equal(0, _client.Run("audit", "checkpoint"));
        File.Delete(_client.Socket);
    }

    private void Refused(AuditTrial ledger, string why)
    {
        var before = File.ReadAllText(Seen);
        using (ledger.Serve(_client.Socket))
        {
            foreach (var command in (string[][])[["checkpoint"], ["key"], ["prove", "0"], ["export", Path.Combine(_client.Root, "export")]])
            {
                Assert.Equal(1, _client.Run(["audit", .. command]));
                Assert.Contains(why, _client.Error, StringComparison.Ordinal);
                Assert.Equal("", _client.Output);
            }
        }
        File.Delete(_client.Socket);
        Assert.Equal(before, File.ReadAllText(Seen));
        Assert.StartsWith(ledger.Signer.Key + "\n", File.ReadAllText(Seen + ".refused"), StringComparison.Ordinal);
    }
}
