using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Qwamos.ControlBus.Json;

/// <summary>
/// Short ASCII texts that come again and again, the names of members above all: each thread keeps the last of each slot, so that one that comes
/// again is no new string. Never for values that are secret: a text stays until another takes its slot.
/// </summary>
internal static class RecentText
{
    /// <summary>A hash in hexadecimal.</summary>
    internal const int MaxBytes = 64;

    private const int Slots = 64;

    [ThreadStatic]
    private static string?[]? recent;

    /// <summary>The text, when it is printable ASCII of at most <see cref="MaxBytes"/>; such text is I-JSON as it stands.</summary>
    internal static bool TryGet(ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out string? text)
    {
        text = null;
        if (utf8.Length > MaxBytes || utf8.ContainsAnyExceptInRange((byte)' ', (byte)'~')) return false;
        recent ??= new string?[Slots];
        ref var slot = ref recent[SlotOf(utf8)];
        if (slot is null || !Ascii.Equals(utf8, slot)) slot = Encoding.ASCII.GetString(utf8);
        text = slot;
        return true;
    }

    // Two texts in one slot cost what they would without it, and no more.
    private static int SlotOf(ReadOnlySpan<byte> utf8)
    {
        Span<byte> ends = stackalloc byte[2 * sizeof(uint)];
        ends.Clear();
        utf8[..Math.Min(utf8.Length, sizeof(uint))].CopyTo(ends);
        utf8[^Math.Min(utf8.Length, sizeof(uint))..].CopyTo(ends[sizeof(uint)..]);
        var mixed = unchecked((BinaryPrimitives.ReadUInt64LittleEndian(ends) ^ ((ulong)utf8.Length << 56)) * 0x9E3779B97F4A7C15);
        return (int)(mixed >> 58);
    }
}
