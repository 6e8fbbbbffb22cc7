using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Audit;

// C2SP signed-note, "Verifier keys", for the types whose public key is one of Ed25519.
//   key ID        first 4 bytes of SHA-256(name || 0x0A || type || 32-byte public key), big-endian
//   verifier key  name "+" key ID as 8 lower-case hex digits "+" base64(type || public key)

/// <summary>The line that a verifier key is written as. The type byte says what the key's signatures are over, and is in the key ID.</summary>
internal static class VerifierKeyLine
{
    private const int KeyHashDigits = 8;

    /// <summary>Reads a line that must be of one type; white space around it is left away.</summary>
    public static bool TryParse(
        string text, byte type, [NotNullWhen(true)] out string? name, [NotNullWhen(true)] out VerifyingKey? key, [NotNullWhen(false)] out string? fault)
    {
        (name, key) = (null, null);
        fault = "not a verifier key: NAME+8 hex digits+base64";
        if (text.Trim().Split('+', 3) is not [var read, var digits, var encoded]
            || !NoteSignature.IsName(read)
            || !LowerHex.Is(digits, KeyHashDigits)
            || !NoteBase64.TryDecode(encoded, out var typed)
            || typed.Length == 0)
            return false;
        if (typed[0] != type)
        {
            fault = $"the verifier key is of type 0x{typed[0]:x2}, not 0x{type:x2}, {Describe(type)}";
            return false;
        }
        if (!VerifyingKey.TryLoad(typed.AsSpan(1), out var loaded, out fault))
            return false;
        if (HashOf(read, type, loaded) != uint.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))
        {
            fault = "the verifier key's digits do not belong to its name and public key: a part of it was changed";
            return false;
        }
        (name, key, fault) = (read, loaded, null);
        return true;
    }

    /// <summary>The line, without a newline.</summary>
    public static string Write(string name, byte type, VerifyingKey key) =>
        $"{name}+{HashOf(name, type, key):x8}+{Convert.ToBase64String([type, .. key.Raw])}";

    /// <summary>The key ID.</summary>
    public static uint HashOf(string name, byte type, VerifyingKey key) =>
        BinaryPrimitives.ReadUInt32BigEndian(Primitives.Sha256([.. Encoding.UTF8.GetBytes(name), (byte)'\n', type, .. key.Raw]));

    private static string Describe(byte type) => type == CosignatureKey.Type ? "a witness's" : "a ledger's";
}
