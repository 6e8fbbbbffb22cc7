using System.Text;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Audit;

public sealed class KeptCheckpointTests : IDisposable
{
    private readonly AuditTrial _trial = new(10);
    private readonly string _file = Path.GetTempFileName();

    public void Dispose()
    {
        _trial.Dispose();
        File.Delete(_file);
    }

    [Fact]
    public void File_holds_the_key_and_the_note_and_none_is_no_fault()
    {
        var kept = Keep();
        Assert.StartsWith($"{_trial.Signer.Key}\n{_trial.Signer.Key.Name}\n10\n", Encoding.UTF8.GetString(kept.ToBytes()), StringComparison.Ordinal);
        Assert.True(KeptCheckpoint.TryLoad(_file, out var read, out var fault), fault);
        Assert.Equal((kept.Key.ToString(), kept.Tree, kept.Checkpoint.TimeSeconds), (read!.Key.ToString(), read.Tree, read.Checkpoint.TimeSeconds));
        Assert.Equal(kept.ToBytes(), read.ToBytes());
        File.Delete(_file);
        Assert.True(KeptCheckpoint.TryLoad(_file, out read, out _));
        Assert.Null(read);
    }

    [Fact]
    public void Statement_about_the_key_stands_between_and_one_about_another_counts_as_none()
    {
        var kept = Keep();
        using var signer = SigningKey.Generate();
        var statement = LedgerKeyStatement.Sign(signer, kept.Key.ToString(), kept.Checkpoint.SystemId!, 1_800_000_000);
        var file = (kept with { Statement = statement }).ToBytes();
        Assert.True(KeptCheckpoint.TryParse(file, out var read, out var fault), fault);
        Assert.Equal(statement, read.Statement);
        Assert.Equal(file, read.ToBytes());
        Assert.True(KeptCheckpoint.TryParse((kept with { Statement = statement with { Key = "other+key" } }).ToBytes(), out read, out fault), fault);
        Assert.Null(read.Statement);
        var text = Encoding.UTF8.GetString(file);
        Assert.False(KeptCheckpoint.TryParse(Encoding.UTF8.GetBytes(text.Replace("\"}\n", "\"\n", StringComparison.Ordinal)), out _, out fault));
        Assert.Contains("second line", fault, StringComparison.Ordinal);
        Assert.False(KeptCheckpoint.TryParse(Encoding.UTF8.GetBytes(text[..text.IndexOf('}')]), out _, out _));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("key\nnote\n")]
    public void Other_content_is_a_fault_that_says_how_to_go_on(string content)
    {
        File.WriteAllText(_file, content);
        Assert.False(KeptCheckpoint.TryLoad(_file, out _, out var fault));
        Assert.Contains("does not hold a checkpoint", fault, StringComparison.Ordinal);
        Assert.Contains("mv ", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack13_What_cannot_be_read_is_no_absence_and_the_mend_is_said()
    {
        // A folder that is a file: what stat says of it is another error than "not found", as of a disk that fails.
        Assert.False(KeptCheckpoint.TryLoad(Path.Combine(_file, "checkpoint"), out _, out var fault));
        Assert.Contains("Not a directory", fault, StringComparison.Ordinal);
        Assert.Contains("; find out", fault, StringComparison.Ordinal);

        File.Delete(_file);
        Directory.CreateDirectory(_file);
        Assert.False(KeptCheckpoint.TryLoad(_file, out _, out fault));
        Assert.EndsWith($"mv {_file} {_file}.old", fault, StringComparison.Ordinal);
        Directory.Delete(_file);
        File.CreateSymbolicLink(_file, "/nowhere");
        Assert.False(KeptCheckpoint.TryLoad(_file, out _, out fault));
        Assert.EndsWith($"mv {_file} {_file}.old", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack13_Ledger_that_does_not_extend_it_is_named_with_its_entry_and_the_mend()
    {
        var kept = Keep();
        Assert.Null(kept.Fault(_trial.Store, SystemPaths.Real));
        _trial.AddOne(10);
        Assert.Null(kept.Fault(_trial.Store, SystemPaths.Real));
        using var older = new AuditTrial(9, _trial.Signer);
        Assert.StartsWith("Entry 9 is missing: the ledger has 9 entries, and 10 were seen before.", kept.Fault(older.Store, SystemPaths.Real), StringComparison.Ordinal);
        using var other = new AuditTrial(10, _trial.Signer);
        Assert.StartsWith("Among the entries 0 to 9 is one that is not the one seen before", kept.Fault(other.Store, SystemPaths.Real), StringComparison.Ordinal);
        Assert.EndsWith(", as root: qwamosd restore /var/lib/qwamos/ledger.db --accept-older", kept.Fault(other.Store, SystemPaths.Real), StringComparison.Ordinal);
        Assert.True(SystemPaths.TryCreate("/tmp/a trial", out var trial, out var bad), bad);
        Assert.EndsWith(": qwamosd --root '/tmp/a trial' restore '/tmp/a trial/var/lib/qwamos/ledger.db' --accept-older", kept.Fault(other.Store, trial), StringComparison.Ordinal);
    }

    private KeptCheckpoint Keep()
    {
        var checkpoint = Checkpoint.Of(_trial.Signer.Key.Name, _trial.Store.Tree());
        var note = _trial.Signer.Sign(checkpoint).ToBytes();
        Assert.True(Checkpoint.TryOpen(note, _trial.Signer.Key, out var opened, out _));
        var kept = new KeptCheckpoint(_trial.Signer.Key, opened, note);
        File.WriteAllBytes(_file, kept.ToBytes());
        return kept;
    }
}
