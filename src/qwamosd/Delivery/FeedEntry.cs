using Qwamos.ControlBus.Ledger;

namespace Qwamos.Daemon.Delivery;

/// <summary>An entry as qwamosd shows it.</summary>
/// <param name="Index">Its place.</param>
/// <param name="Leaf">Its exact bytes.</param>
/// <param name="Entry">What it says; of a confidential change without the envelope.</param>
internal sealed record FeedEntry(long Index, byte[] Leaf, LedgerEntry Entry);
