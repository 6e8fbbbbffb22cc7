using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

public sealed class SecondFormatMigrationTests() : LedgerMigrationTests(2)
{
    [Fact]
    public void Attack30_ARootThatIsNotTheEntries_IsNotMigrated() => AssertNotMigrated("UPDATE tree SET root = zeroblob(32)");
}
