using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Qwamos.SystemTests.Harness;

/// <summary>A key that is not the ledger's and signs its checkpoints all the same, under its name. Written from docs/formats/audit.md alone.</summary>
internal sealed class OtherLedgerKey
{
    private const byte NoteType = 0x01;
    private const byte CosignatureType = 0x04;

    private readonly TestSigner _signer = TestSigner.Fresh();

    public string VerifierKey(string name) => $"{name}+{Convert.ToHexStringLower(KeyId(name, NoteType))}+{Convert.ToBase64String([NoteType, .. _signer.PublicKey])}";

    /// <summary>The same three lines, signed by this key alone.</summary>
    public string Resign(string note)
    {
        string text = string.Join('\n', note.Split('\n').Take(3)) + "\n";
        string name = note.Split('\n')[0];
        byte[] time = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(time, TestSigner.Now);
        byte[] timed = _signer.SignBytes($"cosignature/v1\ntime {TestSigner.Now}\n{text}");
        return $"{text}\n— {name} {Convert.ToBase64String([.. KeyId(name, NoteType), .. _signer.SignBytes(text)])}\n"
            + $"— {name} {Convert.ToBase64String([.. KeyId(name, CosignatureType), .. time, .. timed])}\n";
    }

    private byte[] KeyId(string name, byte type) => SHA256.HashData([.. Encoding.UTF8.GetBytes(name + "\n"), type, .. _signer.PublicKey])[..4];
}
