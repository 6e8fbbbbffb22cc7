using Qwamos.ControlBus.Ledger;
using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

public sealed class FirstFormatMigrationTests() : LedgerMigrationTests(1)
{
    [Fact]
    public void OldLedgerOfTheFirstPrograms_IsMigrated_ItsDeliveriesToo()
    {
        using var old = EarlierLedger.Of(Present, 1, out _, isFirst: true);
        using (var store = old.Open())
            AssertWhole(store);
        using var again = old.Open(LedgerOpenMode.ReadOnly);
        AssertWhole(again);
        new LedgerChecker(again).Check();
    }

    [Fact]
    public void Attack30_AFrontierThatIsNotTheEntries_IsNotMigrated() => AssertNotMigrated("UPDATE tree SET frontier = zeroblob(32)");
}
