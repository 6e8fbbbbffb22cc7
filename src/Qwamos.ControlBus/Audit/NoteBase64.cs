using System.Diagnostics.CodeAnalysis;

namespace Qwamos.ControlBus.Audit;

/// <summary>Base64 of RFC 4648 section 4 of any length, with one spelling a value: what decodes is encoded again and must be the same text.</summary>
internal static class NoteBase64
{
    public static bool TryDecode(string text, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = new byte[text.Length / 4 * 3];
        if (!Convert.TryFromBase64String(text, bytes, out var length))
        {
            bytes = null;
            return false;
        }
        Array.Resize(ref bytes, length);
        if (Convert.ToBase64String(bytes) == text)
            return true;
        bytes = null;
        return false;
    }

    /// <summary>As <see cref="TryDecode(string, out byte[])"/>, for a SHA-256 hash.</summary>
    public static bool TryDecodeHash(string text, [NotNullWhen(true)] out byte[]? hash) =>
        TryDecode(text, out hash) && hash.Length == Ledger.MerkleTree.HashBytes;
}
