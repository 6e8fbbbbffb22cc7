using System.Buffers;

namespace Qwamos.ControlBus.Keys;

/// <summary>Hexadecimal with one spelling only: IDs and hashes are compared as text.</summary>
internal static class LowerHex
{
    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789abcdef");

    public static bool Is(ReadOnlySpan<char> text, int digits) => text.Length == digits && !text.ContainsAnyExcept(Digits);
}
