using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Audit;

// C2SP tlog-cosignature v1.0.0, Ed25519.
//   type             0x04, in verifier key and key ID
//   signed message   "cosignature/v1\n" || "time " T "\n" || the note's text, its last newline included
//   signature line   name, base64(4-byte key ID || 8-byte T, big-endian || 64-byte Ed25519 signature)
// T is in unix seconds; one beyond 2^53-1 is refused. The first line keeps the message apart from a checkpoint's text, which begins with the
// log's origin, and from a policy message, which begins with "{" (ATTACKS 8).

/// <summary>
/// A key that is trusted to say when it saw a checkpoint: a witness's, or the ledger's own under its name. Such a signature says that the
/// tree was, at that time, the largest its signer had seen, and began with all those it had seen before.
/// </summary>
public sealed class CosignatureKey
{
    internal const byte Type = 0x04;
    private const int TimeBytes = sizeof(long);

    internal CosignatureKey(string name, VerifyingKey key)
    {
        if (!NoteSignature.IsName(name))
            throw new ArgumentException("not a key name", nameof(name));
        Name = name;
        Public = key;
        KeyHash = VerifierKeyLine.HashOf(name, Type, key);
    }

    /// <summary>The key's name; a gateway's is <c>qwamos/SYSTEM-ID/NAME</c>.</summary>
    public string Name { get; }

    /// <summary>The key ID of signed-note.</summary>
    public uint KeyHash { get; }

    /// <summary>What tells two witnesses apart: names are free.</summary>
    public VerifyingKey Public { get; }

    /// <summary>The same name and public key as a ledger's key: what the ledger itself says the time with.</summary>
    public static CosignatureKey Of(NoteVerifierKey ledger) => new(ledger.Name, ledger.Public);

    /// <summary>Reads a verifier key of type 0x04; white space around it is left away.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out CosignatureKey? key, [NotNullWhen(false)] out string? fault)
    {
        key = VerifierKeyLine.TryParse(text, Type, out var name, out var loaded, out fault) ? new CosignatureKey(name, loaded) : null;
        return key is not null;
    }

    /// <summary>The newest time at which this key cosigned a note: at least once, and wrongly never. Lines of other keys are left out of account.</summary>
    public bool TryReadTime(SignedNote note, out long timeSeconds, [NotNullWhen(false)] out string? fault)
    {
        timeSeconds = -1;
        foreach (var line in note.Signatures.Where(IsMine))
        {
            if (!TryVerify(note.Text, line, out var time))
            {
                timeSeconds = -1;
                fault = $"the cosignature of {Name} does not hold";
                return false;
            }
            timeSeconds = Math.Max(timeSeconds, time);
        }
        fault = timeSeconds < 0 ? $"it is not cosigned by {Name}+{KeyHash:x8}" : null;
        return fault is null;
    }

    /// <summary>Reads one line, as a witness answers it, and whether it is this key's over a checkpoint.</summary>
    public bool TryReadLine(string line, Checkpoint checkpoint, out NoteSignature cosignature, out long timeSeconds)
    {
        timeSeconds = 0;
        return NoteSignature.TryParse(line, out cosignature) && TryVerify(checkpoint.ToText(), cosignature, out timeSeconds);
    }

    /// <summary>Whether a line names this key. Says nothing about whether it holds.</summary>
    internal bool IsMine(NoteSignature line) => line.Name == Name && line.KeyHash == KeyHash;

    /// <summary>Whether one line is this key's over a note's text.</summary>
    internal bool TryVerify(string text, NoteSignature line, out long timeSeconds)
    {
        timeSeconds = 0;
        if (!IsMine(line) || line.Bytes.Length != TimeBytes + VerifyingKey.SignatureSizeBytes)
            return false;
        timeSeconds = BinaryPrimitives.ReadInt64BigEndian(line.Bytes.Span);
        return timeSeconds is >= 0 and <= Limits.MaxSafeInteger && Public.Verify(Message(text, timeSeconds), line.Bytes.Span[TimeBytes..]);
    }

    /// <summary>Signs; the caller answers for <paramref name="key"/> being this one's private half.</summary>
    internal NoteSignature Sign(SigningKey key, Checkpoint checkpoint, long timeSeconds)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(timeSeconds);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(timeSeconds, Limits.MaxSafeInteger);
        var bytes = new byte[TimeBytes + VerifyingKey.SignatureSizeBytes];
        BinaryPrimitives.WriteInt64BigEndian(bytes, timeSeconds);
        key.Sign(Message(checkpoint.ToText(), timeSeconds)).CopyTo(bytes.AsSpan(TimeBytes));
        return new NoteSignature(Name, KeyHash, bytes);
    }

    /// <summary>The verifier key on one line, without a newline.</summary>
    public override string ToString() => VerifierKeyLine.Write(Name, Type, Public);

    private static byte[] Message(string text, long timeSeconds) =>
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"cosignature/v1\ntime {timeSeconds}\n{text}"));
}
