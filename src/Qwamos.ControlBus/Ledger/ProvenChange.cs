using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Ledger;

/// <summary>An accepted change that is proven to be an entry of Dom0's ledger; its signatures are judged by themselves.</summary>
/// <param name="Entry">The entry.</param>
/// <param name="RecordedSeconds">When Dom0 recorded it, unix seconds.</param>
/// <param name="Change">The operator's envelope.</param>
public sealed record ProvenChange(EntryReference Entry, long RecordedSeconds, Envelope Change);
