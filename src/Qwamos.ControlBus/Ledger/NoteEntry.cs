using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Ledger;

/// <summary>An imported note of root's programs: what the boot applied, a lowered time floor, a replaced anchor.</summary>
/// <param name="TimeSeconds">When it was imported; the note has the time it was written.</param>
/// <param name="Note">The note.</param>
public sealed record NoteEntry(long TimeSeconds, BootNote Note) : LedgerEntry(TimeSeconds);
