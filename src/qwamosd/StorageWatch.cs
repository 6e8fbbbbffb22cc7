using Qwamos.ControlBus;

namespace Qwamos.Daemon;

/// <summary>
/// Whether the ledger's disk has room now, which the last change cannot tell: it may be long ago. The free space is looked at each time. Where a quota
/// refuses what the disk would hold, a full one is believed until there is more free space than then.
/// </summary>
/// <param name="folder">The ledger's.</param>
internal sealed class StorageWatch(string folder)
{
    private long _neededBytes = Limits.MinFreeLedgerBytes;

    public bool IsFull => FreeBytes() < Interlocked.Read(ref _neededBytes);

    /// <summary>A change found no room, or found it again.</summary>
    public void Note(bool isFull) => Interlocked.Exchange(ref _neededBytes, isFull ? FreeBytes() + Limits.MinFreeLedgerBytes : Limits.MinFreeLedgerBytes);

    private long FreeBytes()
    {
        try
        {
            return new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What cannot be looked at is found out by the next change.
            return long.MaxValue / 2;
        }
    }
}
