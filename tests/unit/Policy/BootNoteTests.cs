using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Keys;
using Xunit;
using static Qwamos.ControlBus.Tests.Policy.Changes;

namespace Qwamos.ControlBus.Tests.Policy;

public sealed class BootNoteTests : IDisposable
{
    private static readonly string OldId = new('a', 64);
    private static readonly string NewId = new('b', 64);

    private readonly TemporaryDirectory directory = new();
    private readonly SystemPaths paths;

    public BootNoteTests()
    {
        Assert.True(SystemPaths.TryCreate(directory.At("root"), out var made, out _));
        paths = made;
        TrialTree.MakeMissing(paths);
        Directory.CreateDirectory(paths.BootNotesDir, (UnixFileMode)Convert.ToInt32("750", 8));
    }

    public void Dispose() => directory.Dispose();

    private static BootNote[] OneOfEachKind =>
    [
        BootNote.Applied(1, T, [new BootResult("KERNEL_HARDENING", 7, BootResult.InForce, "3 settings"), BootResult.Failed("CRYPTO_BACKEND", 8, "why")]),
        BootNote.TimeFloor(2, T, T - 5),
        BootNote.AnchorReplaced(3, T, OldId, NewId),
        BootNote.Restored(4, T, isOlder: false, new RestoredTrees(0, OldId, 5, NewId), T - 9, [KeyValuePair.Create("TOR_ISOLATION", T + 1), KeyValuePair.Create("CRYPTO_BACKEND", T + 2)]),
        BootNote.Restored(5, T, isOlder: true, new RestoredTrees(7, OldId, 5, NewId), T - 9, []),
        BootNote.PutBackTo(6, T,
        [
            new PutBack("KERNEL_HARDENING", new Applied(PolicyValue.Of("strict"), 7), new Applied(PolicyValue.Of("default"), 3), BootResult.InForceAfterReboot, "2 boots"),
            new PutBack("CRYPTO_BACKEND", new Applied(PolicyValue.Of("hybrid"), 8), null, BootResult.Recorded, "2 boots"),
        ]),
    ];

    [Fact]
    public void Trust_that_began_anew_at_a_gateway_says_until_when_versions_are_dead()
    {
        var note = BootNote.AnchorReplaced(3, T, OldId, NewId, T - 5);
        Assert.Equal($$"""{"format":1,"seq":3,"kind":"anchor-replaced","time":{{T}},"old":"{{OldId}}","new":"{{NewId}}","begun":{{T - 5}}}""", note.ToJson().ToString());
        Assert.True(BootNote.TryRead(note.ToJson(), out var read, out var fault), fault);
        Assert.Equal((T - 5, T), (read.BegunSeconds, BootNote.AnchorReplaced(3, T, OldId, NewId).BegunSeconds));
        Assert.Equal(T - 5, PolicyState.Empty.Import(read).Trust.BegunSeconds);
        Assert.True(StrictJson.TryParse(System.Text.Encoding.UTF8.GetBytes(note.ToJson().ToString().Replace($"\"begun\":{T - 5}", "\"begun\":-1", StringComparison.Ordinal)), out var bad, out _));
        Assert.False(BootNote.TryRead(bad, out _, out _));
    }

    [Fact]
    public void Notes_are_read_as_they_were_written_in_their_order()
    {
        foreach (var note in OneOfEachKind.Reverse())
            BootNotes.Write(paths, note);
        Assert.True(BootNotes.TryReadAfter(paths, 0, out var notes, out var fault), fault);
        Assert.Equal(OneOfEachKind.Select(note => note.ToJson().ToString()), notes.Select(note => note.ToJson().ToString()));
        Assert.True(BootNotes.TryReadAfter(paths, 2, out notes, out _));
        Assert.Equal([BootNoteKind.AnchorReplaced, BootNoteKind.Restored, BootNoteKind.RestoredOlder, BootNoteKind.PutBack], notes.Select(note => note.Kind));
    }

    [Fact]
    public void Forms_are_those_of_the_document()
        => Assert.Equal(
            [
                """{"format":1,"seq":1,"kind":"applied","time":1700000000,"results":[{"key":"KERNEL_HARDENING","index":7,"result":"in force","detail":"3 settings"},{"key":"CRYPTO_BACKEND","index":8,"result":"failed: why","detail":""}]}""",
                """{"format":1,"seq":2,"kind":"time-floor","time":1700000000,"seconds":1699999995}""",
                $$"""{"format":1,"seq":3,"kind":"anchor-replaced","time":1700000000,"old":"{{OldId}}","new":"{{NewId}}"}""",
                $$$"""{"format":1,"seq":4,"kind":"restored","time":1700000000,"old_size":0,"old_root_hash":"{{{OldId}}}","size":5,"root_hash":"{{{NewId}}}","seconds":1699999991,"timestamps":{"CRYPTO_BACKEND":1700000002,"TOR_ISOLATION":1700000001}}""",
                $$$"""{"format":1,"seq":5,"kind":"restored-older","time":1700000000,"old_size":7,"old_root_hash":"{{{OldId}}}","size":5,"root_hash":"{{{NewId}}}","seconds":1699999991,"timestamps":{}}""",
                """{"format":1,"seq":6,"kind":"put-back","time":1700000000,"put_back":[{"key":"KERNEL_HARDENING","value":"strict","index":7,"good":{"value":"default","index":3},"result":"in force after one more reboot","why":"2 boots"},{"key":"CRYPTO_BACKEND","value":"hybrid","index":8,"good":null,"result":"recorded","why":"2 boots"}]}""",
            ],
            OneOfEachKind.Select(note => note.ToJson().ToString()));

    [Theory]
    [InlineData("\"format\":1", "\"format\":2")]
    [InlineData("\"seq\":1", "\"seq\":0")]
    [InlineData("\"seq\":1", "\"seq\":100000000")]
    [InlineData("\"kind\":\"applied\"", "\"kind\":\"other\"")]
    [InlineData("\"kind\":\"applied\"", "\"kind\":\"time-floor\"")]
    [InlineData("in force", "in farce")]
    [InlineData("\"detail\":\"\"", "\"detail\":\"\",\"x\":1")]
    [InlineData("\"index\":7", "\"index\":7.0")]
    public void Note_that_is_not_wholly_understood_is_a_fault(string text, string other)
    {
        var document = OneOfEachKind[0].ToJson().ToString();
        Assert.Contains(text, document, StringComparison.Ordinal);
        Assert.False(BootNote.TryRead(Parse(document.Replace(text, other, StringComparison.Ordinal)), out _, out var fault));
        Assert.NotEmpty(fault);
    }

    [Theory]
    [InlineData("\"result\":\"recorded\"", "\"result\":\"failed: no\"")]
    [InlineData("\"good\":null", "\"good\":{}")]
    [InlineData("\"good\":null", "\"good\":{\"value\":null,\"index\":1}")]
    [InlineData("\"good\":null", "\"good\":null,\"x\":1")]
    [InlineData("\"index\":8", "\"index\":-8")]
    [InlineData("\"value\":\"hybrid\"", "\"value\":[]")]
    public void Put_back_that_is_not_wholly_understood_is_a_fault(string text, string other)
    {
        var document = OneOfEachKind[^1].ToJson().ToString();
        Assert.Contains(text, document, StringComparison.Ordinal);
        Assert.False(BootNote.TryRead(Parse(document.Replace(text, other, StringComparison.Ordinal)), out _, out var fault));
        Assert.NotEmpty(fault);
    }

    [Theory]
    [InlineData("\"CRYPTO_BACKEND\":1700000002", "\"CRYPTO_BACKEND\":-1")]
    [InlineData("\"CRYPTO_BACKEND\":1700000002", "\"CRYPTO_BACKEND\":\"1\"")]
    [InlineData("\"CRYPTO_BACKEND\"", "\"CRYPTO_BACKEND_CRYPTO_BACKEND_CRYPTO_BACKEND_CRYPTO\"")]
    [InlineData("\"size\":5", "\"size\":-5")]
    [InlineData("\"seconds\":1699999991,", "")]
    public void Note_of_a_restore_that_is_not_wholly_understood_is_a_fault(string text, string other)
    {
        var document = OneOfEachKind[3].ToJson().ToString();
        Assert.Contains(text, document, StringComparison.Ordinal);
        Assert.False(BootNote.TryRead(Parse(document.Replace(text, other, StringComparison.Ordinal)), out _, out var fault));
        Assert.NotEmpty(fault);
    }

    [Fact]
    public void Attack13_note_of_a_restore_raises_floor_and_timestamps_and_lowers_none()
    {
        var before = PolicyState.Empty with { FloorSeconds = T, LastTimestamps = PolicyState.Empty.LastTimestamps.Add("CRYPTO_BACKEND", T + 50) };
        var after = before.Import(OneOfEachKind[3]);
        Assert.Equal(T, after.FloorSeconds);
        Assert.Equal(T + 50, after.LastTimestamps["CRYPTO_BACKEND"]);
        Assert.Equal(T + 1, after.LastTimestamps["TOR_ISOLATION"]);
        Assert.Equal(4, after.LastNote);
        Assert.Equal(T - 9, PolicyState.Empty.Import(OneOfEachKind[4]).FloorSeconds);
    }

    [Fact]
    public void File_whose_name_is_not_its_number_is_a_fault()
    {
        BootNotes.Write(paths, OneOfEachKind[0]);
        File.Move(Path.Combine(paths.BootNotesDir, "00000001.json"), Path.Combine(paths.BootNotesDir, "00000009.json"));
        Assert.False(BootNotes.TryReadAfter(paths, 0, out _, out var fault));
        Assert.Contains("00000009.json", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Note_is_never_written_over_another()
    {
        BootNotes.Write(paths, OneOfEachKind[0]);
        Assert.Throws<IOException>(() => BootNotes.Write(paths, BootNote.TimeFloor(1, T, T)));
    }

    [Fact]
    public void Attack29_number_after_a_crash_between_note_and_memory_is_a_fresh_one()
    {
        Assert.Equal(1, BootNotes.NextSequence(paths, remembered: 1, imported: 0));
        BootNotes.Write(paths, OneOfEachKind[1]);
        Assert.Equal(3, BootNotes.NextSequence(paths, remembered: 2, imported: 0));
        Assert.Equal(8, BootNotes.NextSequence(paths, remembered: 2, imported: 7));
        Assert.Equal(9, BootNotes.NextSequence(paths, remembered: 9, imported: 0));
    }

    [Fact]
    public void Imported_notes_are_pruned_and_others_stay()
    {
        foreach (var note in OneOfEachKind)
            BootNotes.Write(paths, note);
        BootNotes.Prune(paths, 2);
        Assert.Equal(["00000003.json", "00000004.json", "00000005.json", "00000006.json"], Directory.GetFiles(paths.BootNotesDir).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Attack27_linked_note_is_refused()
    {
        var elsewhere = directory.At("note");
        File.WriteAllBytes(elsewhere, JsonText.Line(OneOfEachKind[0].ToJson()));
        File.CreateSymbolicLink(Path.Combine(paths.BootNotesDir, "00000001.json"), elsewhere);
        Assert.False(BootNotes.TryReadAfter(paths, 0, out _, out _));
    }

    [Fact]
    public void Note_of_64_long_results_fits_a_leaf_and_can_be_read()
    {
        var results = Enumerable.Range(0, 64)
            .Select(i => BootResult.Failed(new string('K', 48), Limits.MaxSafeInteger, new string('\u0001', 5_000), new string('\u0001', 5_000)));
        var note = BootNote.Applied(1, T, [.. results]);
        Assert.InRange(JsonText.Bytes(note.ToJson()).Length, 1, Limits.MaxLeafBytes - 200);
        Assert.True(BootNote.TryRead(note.ToJson(), out _, out var fault), fault);
    }

    [Fact]
    public void Result_says_whether_the_key_moves()
    {
        Assert.All(["in force", "in force after one more reboot", "recorded"], text => Assert.True(new BootResult("K", 1, text, "").IsInForce));
        Assert.False(BootResult.Failed("K", 1, "in force").IsInForce);
    }
}
