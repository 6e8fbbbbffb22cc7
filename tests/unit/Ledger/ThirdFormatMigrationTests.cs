using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

public sealed class ThirdFormatMigrationTests() : LedgerMigrationTests(3)
{
    [Fact]
    public void Attack30_ARootThatIsNotTheEntries_IsNotMigrated() => AssertNotMigrated("UPDATE tree SET root = zeroblob(32)");

    [Fact]
    public void Attack09_ATimestampThatIsNotTheMessages_IsNotMigrated() =>
        AssertRefusedAfterTheBackup("UPDATE entries SET replay_key = CAST(zeroblob(8) || substr(replay_key, 9) AS BLOB) WHERE idx = 5");
}
