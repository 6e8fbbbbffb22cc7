using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Ledger;

/// <summary>What <see cref="RowJudge"/> found of one entry.</summary>
/// <param name="Row">The entry as it is stored.</param>
/// <param name="Entry">What it says; null when it cannot be read.</param>
/// <param name="IsSigned">True: its signature holds; false: it is of a key that is not known, and was not checked; null: it has none.</param>
/// <param name="Fault">Why it is not what was recorded; of an entry that can be read, under <paramref name="Root"/> alone.</param>
/// <param name="Root">The trust root whose keys were known.</param>
internal readonly record struct JudgedRow(LedgerRow Row, LedgerEntry? Entry, bool? IsSigned, LedgerIntegrityException? Fault, TrustRoot? Root);
