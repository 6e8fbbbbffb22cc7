using System.Diagnostics.CodeAnalysis;
using System.Text;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Audit;

// C2SP signed-note, "Ed25519 signatures": type 0x01; a signature line holds the 64 bytes of an Ed25519 signature over the note's text.

/// <summary>A key that is trusted for notes, as an auditor is given it: one line.</summary>
public sealed class NoteVerifierKey
{
    private const byte Type = 0x01;

    internal NoteVerifierKey(string name, VerifyingKey key)
    {
        if (!NoteSignature.IsName(name))
            throw new ArgumentException("not a key name", nameof(name));
        Name = name;
        Public = key;
        KeyHash = VerifierKeyLine.HashOf(name, Type, key);
    }

    /// <summary>The key's name; a ledger's key has the name of its checkpoints' origin.</summary>
    public string Name { get; }

    /// <summary>The key ID of signed-note.</summary>
    public uint KeyHash { get; }

    /// <summary>The public key itself, whatever it is named.</summary>
    public VerifyingKey Public { get; }

    /// <summary>Reads a verifier key; white space around it is left away.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out NoteVerifierKey? key, [NotNullWhen(false)] out string? fault)
    {
        key = VerifierKeyLine.TryParse(text, Type, out var name, out var loaded, out fault) ? new NoteVerifierKey(name, loaded) : null;
        return key is not null;
    }

    /// <summary>Whether a note is signed by this key: at least once, and wrongly never. Signatures of other keys are left out of account.</summary>
    public bool Accepts(SignedNote note, [NotNullWhen(false)] out string? fault)
    {
        var text = Encoding.UTF8.GetBytes(note.Text);
        var found = false;
        foreach (var signature in note.Signatures)
        {
            if (!IsMine(signature))
                continue;
            if (!Public.Verify(text, signature.Bytes.Span))
            {
                fault = $"the signature of {Name} does not hold";
                return false;
            }
            found = true;
        }
        fault = found ? null : $"{AuditFault.NotSignedBy} {Name}+{KeyHash:x8}";
        return found;
    }

    /// <summary>Whether a line names this key. Says nothing about whether it holds.</summary>
    internal bool IsMine(NoteSignature line) => line.Name == Name && line.KeyHash == KeyHash;

    /// <summary>The verifier key on one line, without a newline.</summary>
    public override string ToString() => VerifierKeyLine.Write(Name, Type, Public);
}
