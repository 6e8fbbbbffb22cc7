using System.Buffers.Binary;

namespace Qwamos.SystemTests.Harness;

/// <summary>One entry of a write log: where its bytes stand in the log, and where on the disk. A flush has none.</summary>
/// <param name="IsFlush">Everything before it is on the disk for good when it is complete.</param>
/// <param name="IsDiscard">The range reads as zeros; the log holds no data for it.</param>
internal readonly record struct LoggedWrite(long DiskOffset, int Length, long DataOffset, bool IsFlush, bool IsDiscard);

/// <summary>
/// Every write and flush that reached a disk, in order, in the format of the kernel's dm-log-writes as qemu's <c>blklogwrites</c> writes it. All
/// numbers are little-endian. Sector 0 is the head: magic (8 bytes), version (8), number of entries (8), sector size (4). Each entry is a
/// sector with its disk sector (8), length in sectors (8), flags (8: 1 flush, 2 FUA, 4 discard) and 8 more bytes, then its data.
/// </summary>
internal sealed class WriteLog(string path)
{
    private const ulong Magic = 0x6A736677736872;
    private const ulong Version = 1;
    public const int BlockBytes = 4096;
    private const int HeadBytes = 28;
    private const int EntryBytes = 32;

    private static readonly byte[] MarkMagic = "qwamos write log"u8.ToArray();

    private readonly List<LoggedWrite> _entries = [];
    private readonly Dictionary<int, int> _marks = [];
    private byte[] _bytes = [];

    public IReadOnlyList<LoggedWrite> Entries => _entries;

    /// <summary>How many entries stand up to each mark, its own among them.</summary>
    public IReadOnlyDictionary<int, int> Marks => _marks;

    /// <summary>A block that is found again in the log.</summary>
    public static byte[] BlockOfMark(int number)
    {
        var block = new byte[BlockBytes];
        MarkMagic.CopyTo(block, 0);
        BinaryPrimitives.WriteInt32LittleEndian(block.AsSpan(MarkMagic.Length), number);
        return block;
    }

    /// <summary>Reads the whole log, whose writer has ended.</summary>
    public void Read()
    {
        _bytes = File.ReadAllBytes(path);
        int sector = BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(HeadBytes - 4));
        long at = sector;
        for (int left = Count(_bytes); left > 0; left--)
        {
            ReadOnlySpan<byte> entry = _bytes.AsSpan((int)at, EntryBytes);
            int length = checked((int)BinaryPrimitives.ReadInt64LittleEndian(entry[8..]) * sector);
            long flags = BinaryPrimitives.ReadInt64LittleEndian(entry[16..]);
            var write = new LoggedWrite(BinaryPrimitives.ReadInt64LittleEndian(entry) * sector, length, at + sector, (flags & 3) != 0, (flags & 4) != 0);
            _entries.Add(write);
            FindMarks(write);
            at = write.DataOffset + (write.IsDiscard ? 0 : length);
        }
    }

    private void FindMarks(LoggedWrite write)
    {
        for (int at = 0; !write.IsDiscard && at < write.Length; at += BlockBytes)
        {
            ReadOnlySpan<byte> block = _bytes.AsSpan((int)write.DataOffset + at, Math.Min(BlockBytes, write.Length - at));
            if (block.StartsWith(MarkMagic))
                _marks.TryAdd(BinaryPrimitives.ReadInt32LittleEndian(block[MarkMagic.Length..]), _entries.Count);
        }
    }

    /// <summary>Writes the first <paramref name="length"/> bytes of an entry into an image of the disk; all of it by default.</summary>
    public void Apply(LoggedWrite write, Span<byte> image, int? length = null)
    {
        Span<byte> target = image.Slice((int)write.DiskOffset, length ?? write.Length);
        if (write.IsDiscard)
            target.Clear();
        else
            _bytes.AsSpan((int)write.DataOffset, target.Length).CopyTo(target);
    }

    private static int Count(ReadOnlySpan<byte> head)
    {
        if (BinaryPrimitives.ReadUInt64LittleEndian(head) != Magic || BinaryPrimitives.ReadUInt64LittleEndian(head[8..]) != Version)
            throw new InvalidDataException("This is no write log.");
        return checked((int)BinaryPrimitives.ReadInt64LittleEndian(head[16..]));
    }
}
