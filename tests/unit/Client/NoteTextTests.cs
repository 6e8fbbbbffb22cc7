using Qwamos.Client.Auditing;
using Qwamos.ControlBus.Policy;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

public sealed class NoteTextTests
{
    private const long Time = 1_800_000_000;
    private static readonly string Root = new('a', 64);

    [Fact]
    public void Each_kind_of_note_is_a_sentence()
    {
        Assert.Equal("the boot found nothing staged", NoteText.Describe(BootNote.Applied(1, Time, [])));
        Assert.Equal(
            "the boot applied what was staged: KERNEL_HARDENING (entry 12): in force after one more reboot; A (entry 3): failed: no (why)",
            NoteText.Describe(BootNote.Applied(1, Time, [new BootResult("KERNEL_HARDENING", 12, BootResult.InForceAfterReboot, ""), BootResult.Failed("A", 3, "no", "why")])));
        Assert.Equal("root lowered the time floor to 2027-01-15 08:00:00Z (1800000000)", NoteText.Describe(BootNote.TimeFloor(1, Time, Time)));
        Assert.Equal("root replaced the operator's key old by new", NoteText.Describe(BootNote.AnchorReplaced(1, Time, "old", "new")));
        Assert.Equal(
            "root put a copy of the ledger in its place: 9 entries after 7; nothing that was seen is lost",
            NoteText.Describe(BootNote.Restored(1, Time, isOlder: false, new RestoredTrees(7, Root, 9, Root), Time, [])));
        Assert.Equal(
            "root put an OLDER copy of the ledger in its place: 1 entry, and none was there; what was recorded after it is lost",
            NoteText.Describe(BootNote.Restored(1, Time, isOlder: true, new RestoredTrees(0, Root, 1, Root), Time, [])));
    }
}
