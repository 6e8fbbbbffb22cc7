using System.Buffers.Binary;

namespace Qwamos.ControlBus.Audit;

/// <summary>One signature line of a note. The zero value names no key.</summary>
/// <param name="Name">The key's name.</param>
/// <param name="KeyHash">The key ID of signed-note: a hint, never an identity.</param>
/// <param name="Bytes">What follows the key ID: 64 bytes for Ed25519, other lengths for other types.</param>
public readonly record struct NoteSignature(string Name, uint KeyHash, ReadOnlyMemory<byte> Bytes)
{
    private const string Prefix = "\u2014 ";
    private const int KeyHashBytes = sizeof(uint);

    /// <summary>Reads a line without its newline.</summary>
    internal static bool TryParse(string line, out NoteSignature signature)
    {
        signature = default;
        if (!line.StartsWith(Prefix, StringComparison.Ordinal))
            return false;
        var parts = line[Prefix.Length..].Split(' ');
        if (parts is not [var name, var text] || !IsName(name) || !NoteBase64.TryDecode(text, out var bytes) || bytes.Length <= KeyHashBytes)
            return false;
        signature = new NoteSignature(name, BinaryPrimitives.ReadUInt32BigEndian(bytes), bytes.AsMemory(KeyHashBytes));
        return true;
    }

    /// <summary>A key's name: not empty, without Unicode spaces and plus.</summary>
    internal static bool IsName(string name) => name.Length > 0 && !name.Any(character => char.IsWhiteSpace(character) || character == '+');

    /// <summary>The line, without a newline.</summary>
    public override string ToString()
    {
        var bytes = new byte[KeyHashBytes + Bytes.Length];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, KeyHash);
        Bytes.Span.CopyTo(bytes.AsSpan(KeyHashBytes));
        return $"{Prefix}{Name} {Convert.ToBase64String(bytes)}";
    }
}
