using System.Text;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;
using Xunit;

namespace Qwamos.ControlBus.Tests.Audit;

public sealed class ExportTests
{
    [Theory]
    [InlineData(0, 0, 256, "tile/0/000")]
    [InlineData(0, 1234067, 256, "tile/0/x001/x234/067")]
    [InlineData(1, 999, 1, "tile/1/999.p/1")]
    [InlineData(2, 1000, 255, "tile/2/x001/000.p/255")]
    internal void Tile_paths_are_those_of_the_specification(int level, long index, int width, string path)
    {
        Assert.Equal(path, new TreeTile(level, index, width).Path);
        Assert.Equal("tile/entries/" + path[7..], new TreeTile(level, index, width).EntriesPath);
    }

    [Theory]
    [InlineData(0, "")]
    [InlineData(1, "0/0/1")]
    [InlineData(256, "0/0/256 1/0/1")]
    [InlineData(257, "0/0/256 0/1/1 1/0/1")]
    [InlineData(65536, "1/0/256 2/0/1")]
    [InlineData(70000, "0/273/112 1/0/256 1/1/17 2/0/1")]
    public void Tiles_of_a_tree_are_those_of_the_specification(int size, string expected)
    {
        var tiles = new List<TreeTile>();
        var builder = new TileBuilder((tile, hashes) =>
        {
            Assert.Equal(tile.Width * 32, hashes.Length);
            tiles.Add(tile);
        });
        var hash = new byte[32];
        for (var i = 0; i < size; i++)
            builder.Append(hash);
        builder.Finish();
        // Full tiles of level 0 are left out of the larger trees' lists.
        var shown = tiles.Where(tile => size <= 257 || tile.Level > 0 || tile.Width < 256).OrderBy(tile => tile.Level).ThenBy(tile => tile.Index);
        Assert.Equal(expected, string.Join(' ', shown.Select(tile => $"{tile.Level}/{tile.Index}/{tile.Width}")));
        Assert.Equal(size / 256, tiles.Count(tile => tile is { Level: 0, Width: 256 }));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(257)]
    [InlineData(600)]
    public void Export_verifies_and_its_fold_is_the_ledgers_but_for_what_is_confidential(int entries)
    {
        using var trial = new AuditTrial(entries);
        var report = trial.Verify(trial.Export());
        Assert.True(report.IsSound, report.Fault?.ToString());
        Assert.Equal(entries, report.Entries);
        Assert.Equal(entries / 10, report.Withheld);
        Assert.Equal(trial.Store.Tree().Root(), report.Checkpoint!.RootHash.ToArray());
        Assert.Equal(
            trial.History.State.Policy.Where(pair => pair.Key != "DURESS.gesture"),
            report.State.Policy);
    }

    [Fact]
    public void Two_exports_of_one_checkpoint_are_the_same_files_with_the_same_bytes()
    {
        using var trial = new AuditTrial(300);
        Assert.Equal(AuditTrial.Files(trial.Export()), AuditTrial.Files(trial.Export()));
    }

    [Fact]
    public void Confidential_envelopes_and_their_values_are_not_in_an_export()
    {
        using var trial = new AuditTrial(20);
        trial.History.Set("DURESS.gesture", "misspelt-secret");
        trial.History.Set("DURES.gesture", "other-secret");
        var export = trial.Export();
        foreach (var secret in (string[])["triple-power", "misspelt-secret", "other-secret"])
            Assert.DoesNotContain(AuditTrial.Files(export).Values, bytes => Encoding.UTF8.GetString(bytes).Contains(secret, StringComparison.Ordinal));
    }

    [Fact]
    public void Export_goes_into_an_empty_directory_only_and_without_the_right_entries_has_no_checkpoint()
    {
        using var trial = new AuditTrial(3);
        var directory = trial.Export();
        Assert.Contains("not empty", Assert.Throws<IOException>(() => new ExportWriter(directory)).Message, StringComparison.Ordinal);
        var checkpoint = Checkpoint.Of(trial.Signer.Key.Name, trial.Store.Tree());
        var fresh = directory + "-new";
        var writer = new ExportWriter(fresh);
        writer.Add(trial.Leaves()[0]);
        Assert.Throws<InvalidDataException>(() => writer.Finish(trial.Signer.Sign(checkpoint).ToBytes(), checkpoint));
        Assert.Equal("checkpoint: it is missing", trial.Verify(fresh).Fault?.ToString());
    }

    // A thousand together; few of them in the larger one, for each is a verification of nearly everything.
    [Theory]
    [InlineData(50, 900)]
    [InlineData(300, 100)]
    public void Attack30_Each_random_single_byte_corruption_of_an_export_is_caught(int entries, int corruptions)
    {
        using var trial = new AuditTrial(entries);
        var export = trial.Export();
        var files = AuditTrial.Files(export);
        // By bytes, so that most hit the entries, and by files, so that checkpoint and small tiles get their share.
        var names = files.Keys.ToArray();
        var random = new Random(entries);
        for (var round = 0; round < corruptions; round++)
        {
            var name = round % 2 == 0 ? names[random.Next(names.Length)] : names.MaxBy(other => files[other].Length)!;
            var bytes = (byte[])files[name].Clone();
            bytes[random.Next(bytes.Length)] ^= (byte)random.Next(1, 256);
            File.WriteAllBytes(Path.Combine(export, name), bytes);
            var report = trial.Verify(export);
            Assert.False(report.IsSound, $"round {round}: a changed byte of {name} was not found");
            Assert.NotNull(report.Fault);
            Assert.Contains(report.Fault.Place, names);
            File.WriteAllBytes(Path.Combine(export, name), files[name]);
        }
        Assert.True(trial.Verify(export).IsSound);
    }

    [Fact]
    public void Attack30_Files_that_are_missing_added_cut_extended_or_links_are_caught_with_their_place()
    {
        using var trial = new AuditTrial(300);
        var export = trial.Export();
        foreach (var (name, bytes) in AuditTrial.Files(export))
        {
            var path = Path.Combine(export, name);
            File.Delete(path);
            Assert.Equal($"{name}: it is missing", trial.Verify(export).Fault?.ToString());
            File.CreateSymbolicLink(path, "/dev/zero");
            Assert.Equal(name, trial.Verify(export).Fault?.Place);
            File.Delete(path);
            File.WriteAllBytes(path, bytes[..^1]);
            Assert.Equal(name, trial.Verify(export).Fault?.Place);
            File.WriteAllBytes(path, [.. bytes, 0]);
            Assert.Equal(name, trial.Verify(export).Fault?.Place);
            File.WriteAllBytes(path, bytes);
        }
        File.WriteAllText(Path.Combine(export, "tile", "note.txt"), "");
        Assert.Equal("tile/note.txt: it is not part of the export: it was added", trial.Verify(export).Fault?.ToString());
    }

    [Fact]
    public void Attack30_Entries_dropped_doubled_swapped_or_cut_are_caught_though_all_tiles_are_made_anew()
    {
        using var trial = new AuditTrial(60);
        var leaves = trial.Leaves();
        var note = AuditTrial.Files(trial.Export())["checkpoint"];
        for (var at = 0; at < 50; at++)
        {
            foreach (var (what, changed) in new (string, List<byte[]>)[]
            {
                ("dropped", [.. leaves[..at], .. leaves[(at + 1)..]]),
                ("doubled", [.. leaves[..at], leaves[at], .. leaves[at..]]),
                ("swapped", [.. leaves[..at], leaves[at + 1], leaves[at], .. leaves[(at + 2)..]]),
                ("cut", leaves[..at]),
            })
            {
                var export = trial.Export(changed);
                // The ledger's key signed the true tree only; the forger keeps that signature.
                File.WriteAllBytes(Path.Combine(export, "checkpoint"), note);
                Assert.False(trial.Verify(export).IsSound, $"{what} at {at}");
            }
        }
    }

    [Fact]
    public void Attack30_History_signed_again_with_another_key_is_caught()
    {
        using var trial = new AuditTrial(5);
        using var other = new CheckpointSigner(SigningKey.Generate(), trial.Signer.Key.Name);
        var fault = trial.Verify(trial.Export(signer: other)).Fault!;
        Assert.Equal("checkpoint", fault.Place);
        Assert.Contains("not signed by the ledger's key", fault.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack09_Replayed_entry_is_caught_though_the_ledgers_key_signed_it()
    {
        using var trial = new AuditTrial(5);
        var leaves = trial.Leaves();
        var fault = trial.Verify(trial.Export([.. leaves, leaves[2]])).Fault!;
        Assert.Equal(5, fault.Index);
        Assert.Contains("replayed", fault.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack22_Signed_request_of_another_kind_recorded_as_a_change_is_caught_though_the_ledgers_key_signed_it()
    {
        using var trial = new AuditTrial(3);
        using var key = SigningKey.Generate();
        var draft = new MessageDraft { Command = Commands.GetStatus, Args = JsonValue.Object(Array.Empty<(string, JsonValue)>()), Nonce = Nonce.Random(), Timestamp = trial.History.Now };
        var message = new VerifiedMessage(EnvelopeWriter.Sign(draft, key), [key.Public.Id], 0);
        var leaf = EntryWriter.Accept(trial.History.Now, new EntryPeer(0, 0, 0), message, PolicySchema.BuiltIn, new ChangeOutcome([], [], [])).Leaf;
        var fault = trial.Verify(trial.Export([.. trial.Leaves(), leaf.ToArray()]), signers: [.. trial.Operators, key.Public]).Fault!;
        Assert.Equal(3, fault.Index);
        Assert.Contains("its envelope is not a change", fault.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Change_that_no_operator_signed_is_caught_though_the_ledgers_key_signed_it()
    {
        using var trial = new AuditTrial(3);
        using var stranger = SigningKey.Generate();
        var fault = trial.Verify(trial.Export(), signers: [stranger.Public]).Fault!;
        Assert.Equal(0, fault.Index);
        Assert.Contains("not among those given", fault.Reason, StringComparison.Ordinal);

        // A compromised daemon rewrites a value in a recorded envelope, and signs that tree.
        var leaves = trial.Leaves();
        leaves[1] = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(leaves[1]).Replace("\"off\"", "\"on\"", StringComparison.Ordinal));
        fault = trial.Verify(trial.Export(leaves)).Fault!;
        Assert.Equal(1, fault.Index);
        Assert.Contains("signature", fault.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Statement_about_the_ledgers_key_is_verified_like_a_change()
    {
        using var trial = new AuditTrial(5);
        trial.SignKey();
        Assert.True(trial.Verify(trial.Export()).IsSound);
        using var stranger = SigningKey.Generate();
        Assert.Contains("is not among those given", trial.Verify(trial.Export(), signers: [stranger.Public]).Fault!.Reason, StringComparison.Ordinal);
        foreach (var (from, to, why) in ((string, string, string)[])
        [
            ($"\"timestamp\":{trial.History.Now}", $"\"timestamp\":{trial.History.Now - 1}", "not signed by"),
            ($"\"time\":{trial.History.Now}", $"\"time\":{trial.History.Now - 301}", "signed after it was recorded"),
            (AuditTrial.SystemIdText, new string('b', 32), "of another system"),
            ("\"statement\":{\"key\"", "\"statement\":{\"kez\"", "exactly key, system"),
        ])
        {
            var leaves = trial.Leaves();
            leaves[5] = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(leaves[5]).Replace(from, to, StringComparison.Ordinal));
            var fault = trial.Verify(trial.Export(leaves)).Fault!;
            Assert.Equal(5, fault.Index);
            Assert.Contains(why, fault.Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Change_recorded_long_after_it_was_signed_is_caught_though_the_ledgers_key_signed_it()
    {
        using var trial = new AuditTrial(2);
        var leaves = trial.Leaves();
        var time = EntryReader.ReadExported(1, leaves[1]).TimeSeconds;
        leaves[1] = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(leaves[1]).Replace($"\"time\":{time}", $"\"time\":{time + 301}", StringComparison.Ordinal));
        Assert.Contains("301 s ago", trial.Verify(trial.Export(leaves)).Fault!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Leaf_in_another_form_or_of_another_system_is_caught_though_the_ledgers_key_signed_it()
    {
        using var trial = new AuditTrial(2);
        var leaves = trial.Leaves();
        Assert.Equal(2, trial.Verify(trial.Export([.. leaves, "{}"u8.ToArray()])).Fault!.Index);
        Assert.Equal(0, trial.Verify(trial.Export([[.. leaves[0], (byte)' ']])).Fault!.Index);
    }

    [Fact]
    public void Unsound_is_what_a_report_says_by_itself() => Assert.False(new AuditReport().IsSound);
}
