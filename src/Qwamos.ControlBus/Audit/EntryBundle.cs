using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Qwamos.ControlBus.Audit;

/// <summary>Leaves in a row, each after its length in two bytes, big-endian: C2SP tlog-tiles' entry bundle, and the form on the wire.</summary>
public static class EntryBundle
{
    private const int LengthBytes = sizeof(ushort);

    /// <summary>The most bytes of a full bundle.</summary>
    internal const int MaxBytes = TreeTile.FullWidth * (LengthBytes + Limits.MaxLeafBytes);

    /// <summary>Adds a leaf of 1 to 65,535 bytes.</summary>
    public static void Append(IBufferWriter<byte> bundle, ReadOnlySpan<byte> leaf)
    {
        BinaryPrimitives.WriteUInt16BigEndian(bundle.GetSpan(LengthBytes), checked((ushort)leaf.Length));
        bundle.Advance(LengthBytes);
        bundle.Write(leaf);
    }

    /// <summary>Takes the first leaf off; false when it is not there as a whole.</summary>
    public static bool TryTake(ref ReadOnlySpan<byte> bundle, [NotNullWhen(true)] out byte[]? leaf)
    {
        leaf = null;
        if (bundle.Length < LengthBytes || bundle.Length - LengthBytes < BinaryPrimitives.ReadUInt16BigEndian(bundle))
            return false;
        var length = BinaryPrimitives.ReadUInt16BigEndian(bundle);
        leaf = bundle.Slice(LengthBytes, length).ToArray();
        bundle = bundle[(LengthBytes + length)..];
        return true;
    }

    /// <summary>Reads a bundle that must have exactly so many leaves; on failure <paramref name="leaves"/> are those before the fault.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> bundle, int count, out List<byte[]> leaves, [NotNullWhen(false)] out string? fault)
    {
        leaves = new List<byte[]>(count);
        while (leaves.Count < count)
        {
            if (!TryTake(ref bundle, out var leaf))
            {
                fault = "its entry bundle ends too early";
                return false;
            }
            leaves.Add(leaf);
        }
        fault = bundle.IsEmpty ? null : $"its entry bundle has {bundle.Length} bytes too many at its end";
        return fault is null;
    }
}
