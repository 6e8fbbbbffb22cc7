using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Audit;

// C2SP signed-note, "Ed25519 signatures" and "Verifier keys".
//   key ID        first 4 bytes of SHA-256(name || 0x0A || 0x01 || 32-byte public key), big-endian
//   verifier key  name "+" key ID as 8 lower-case hex digits "+" base64(0x01 || public key)

/// <summary>A key that is trusted for notes, as an auditor is given it: one line.</summary>
public sealed class NoteVerifierKey
{
    private const byte Ed25519 = 0x01;
    private const int KeyHashDigits = 8;

    private readonly VerifyingKey _key;

    internal NoteVerifierKey(string name, VerifyingKey key)
    {
        if (!NoteSignature.IsName(name))
            throw new ArgumentException("not a key name", nameof(name));
        Name = name;
        _key = key;
        KeyHash = HashOf(name, key);
    }

    /// <summary>The key's name; a ledger's key has the name of its checkpoints' origin.</summary>
    public string Name { get; }

    /// <summary>The key ID of signed-note.</summary>
    public uint KeyHash { get; }

    /// <summary>Reads a verifier key; white space around it is left away.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out NoteVerifierKey? key, [NotNullWhen(false)] out string? fault)
    {
        key = null;
        fault = "not a verifier key: NAME+8 hex digits+base64";
        if (text.Trim().Split('+', 3) is not [var name, var digits, var encoded]
            || !NoteSignature.IsName(name)
            || !LowerHex.Is(digits, KeyHashDigits)
            || !NoteBase64.TryDecode(encoded, out var typed)
            || typed.Length == 0)
            return false;
        if (typed[0] != Ed25519)
        {
            fault = $"the verifier key is of type 0x{typed[0]:x2}; only 0x01, Ed25519, is known";
            return false;
        }
        if (!VerifyingKey.TryLoad(typed.AsSpan(1), out var loaded, out fault))
            return false;
        if (HashOf(name, loaded) != uint.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))
        {
            fault = "the verifier key's digits do not belong to its name and public key: a part of it was changed";
            return false;
        }
        key = new NoteVerifierKey(name, loaded);
        fault = null;
        return true;
    }

    /// <summary>Whether a note is signed by this key: at least once, and wrongly never. Signatures of other keys are left out of account.</summary>
    public bool Accepts(SignedNote note, [NotNullWhen(false)] out string? fault)
    {
        var text = Encoding.UTF8.GetBytes(note.Text);
        var found = false;
        foreach (var signature in note.Signatures)
        {
            if (signature.Name != Name || signature.KeyHash != KeyHash)
                continue;
            if (!_key.Verify(text, signature.Bytes.Span))
            {
                fault = $"the signature of {Name} does not hold";
                return false;
            }
            found = true;
        }
        fault = found ? null : $"it is not signed by the key given, {Name}+{KeyHash:x8}";
        return found;
    }

    /// <summary>The verifier key on one line, without a newline.</summary>
    public override string ToString() => $"{Name}+{KeyHash:x8}+{Convert.ToBase64String([Ed25519, .. _key.Raw])}";

    private static uint HashOf(string name, VerifyingKey key) =>
        BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData([.. Encoding.UTF8.GetBytes(name), (byte)'\n', Ed25519, .. key.Raw]));
}
