using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Keys;

/// <summary>
/// A private key file that a passphrase protects (docs/formats/keys.md): five lines of text. The seed is in the last one, in a ChaCha20-Poly1305 box
/// whose key is Argon2id of the passphrase; the four lines before it, the public key among them, are authenticated with it. As read, only the form was
/// checked: until it is opened, the public key is what the file says.
/// </summary>
public sealed class ProtectedKey
{
    private const string Name = "qwamos-private-key ";
    private const string FirstLine = Name + "v1";
    private const string PublicWord = "public ed25519 ";
    private const string CostWord = "argon2id ";
    private const string CommentWord = "comment";
    private const string BoxWord = "chacha20-poly1305 ";
    private const int Lines = 5;
    private const int BoxSizeBytes = SigningKey.SeedSizeBytes + SealingTerms.TagSizeBytes;
    private const string PutBack = "put your backup of it back";

    private readonly byte[] _publicRaw;
    private readonly byte[] _associated;
    private readonly byte[] _box;

    private ProtectedKey(byte[] publicRaw, SealingTerms terms, string comment, byte[] associated, byte[] box)
    {
        _publicRaw = publicRaw;
        _associated = associated;
        _box = box;
        Terms = terms;
        Comment = comment;
        Id = KeyId.Of(KeyType.Ed25519, publicRaw);
    }

    public KeyId Id { get; }

    /// <summary>The 32 bytes of the public key that the file says.</summary>
    public ReadOnlySpan<byte> PublicRaw => _publicRaw;

    /// <summary>For a person; no more than <see cref="Limits.MaxKeyCommentChars"/> characters from U+0020 to U+007E.</summary>
    public string Comment { get; }

    public SealingTerms Terms { get; }

    private static IKeySealing Sealing => WithoutLibsodium.Sealing ?? new SodiumSealing();

    /// <summary>Whether the bytes are such a file, of whatever version.</summary>
    public static bool IsOne(ReadOnlySpan<byte> content) => content.StartsWith(Encoding.ASCII.GetBytes(Name));

    /// <summary>Whether a text may be a comment.</summary>
    public static bool IsComment(string text) => text.Length <= Limits.MaxKeyCommentChars && !text.AsSpan().ContainsAnyExceptInRange(' ', '~') && text.Trim() == text;

    /// <summary>The content of a file for a key, under a fresh salt.</summary>
    /// <param name="comment">See <see cref="IsComment"/>.</param>
    /// <exception cref="InsufficientMemoryException">There is not the memory that the cost asks for.</exception>
    public static byte[] Seal(SecretBytes seed, SecretBytes passphrase, string comment, Argon2Cost cost) =>
        Seal(seed.Bytes, passphrase, comment, SealingTerms.Fresh(cost));

    internal static byte[] Seal(ReadOnlySpan<byte> seed, SecretBytes passphrase, string comment, SealingTerms terms)
    {
        if (!IsComment(comment) || passphrase.Length == 0 || terms.Cost.Fault is not null)
            throw new ArgumentException("not what such a file may hold");
        if (!SigningKey.TryLoad(seed, out var key, out var fault))
            throw new ArgumentException(fault, nameof(seed));
        using (key)
        {
            var head = string.Create(
                CultureInfo.InvariantCulture,
                $"{FirstLine}\n{PublicWord}{Convert.ToBase64String(key.PublicRaw)}\n{CostWord}m={terms.Cost.MemoryKibibytes} t={terms.Cost.Passes} p={terms.Cost.Lanes} {Convert.ToBase64String(terms.Salt)}\n{CommentWord}{(comment.Length > 0 ? " " : "")}{comment}\n");
            Span<byte> box = stackalloc byte[BoxSizeBytes];
            Sealing.Seal(passphrase, terms, Encoding.ASCII.GetBytes(head), seed, box);
            return Encoding.ASCII.GetBytes($"{head}{BoxWord}{Convert.ToBase64String(terms.Nonce)} {Convert.ToBase64String(box)}\n");
        }
    }

    /// <summary>Reads the form, which has one spelling: false with a sentence that says what is wrong in which line, and the mend.</summary>
    public static bool TryRead(ReadOnlySpan<byte> content, [NotNullWhen(true)] out ProtectedKey? key, [NotNullWhen(false)] out string? fault)
    {
        key = null;
        fault = content.Length > Limits.MaxPrivateKeyFileBytes ? $"it has more than {Limits.MaxPrivateKeyFileBytes} bytes; {PutBack}"
            : content.ContainsAnyExceptInRange((byte)'\n', (byte)'~') || content.ContainsAnyInRange((byte)'\v', (byte)'\x1f') ? $"it holds what is no character of such a file; {PutBack}"
            : null;
        if (fault is not null)
            return false;
        var lines = Encoding.ASCII.GetString(content).Split('\n');
        if (lines[0] != FirstLine)
        {
            fault = $"it is of a version that this program does not know, {lines[0]}; use the qwamosctl that made it";
            return false;
        }
        if (lines.Length != Lines + 1 || lines[Lines].Length > 0)
        {
            fault = $"it has not exactly {Lines} lines, each with its line feed; {PutBack}";
            return false;
        }
        fault = Read(lines, content, out key);
        return key is not null;
    }

    /// <summary>Opens it. The caller disposes of the seed, which is there only when it says <see cref="KeyOpening.Opened"/>.</summary>
    public KeyOpening Open(SecretBytes passphrase, out SecretBytes? seed)
    {
        seed = null;
        SecretBytes room = new(SigningKey.SeedSizeBytes) { Length = SigningKey.SeedSizeBytes };
        try
        {
            if (passphrase.Length == 0 || !Sealing.TryOpen(passphrase, Terms, _associated, _box, room.Room) || !IsItsSeed(room.Bytes))
                return KeyOpening.WrongPassphrase;
            seed = room;
            return KeyOpening.Opened;
        }
        catch (InsufficientMemoryException)
        {
            return KeyOpening.NoMemory;
        }
        finally
        {
            if (seed is null)
                room.Dispose();
        }
    }

    /// <summary>Whoever knows the passphrase can seal any seed beside any public key: a signature by the one in the name of the other helps nobody.</summary>
    private bool IsItsSeed(ReadOnlySpan<byte> seed)
    {
        if (!SigningKey.TryLoad(seed, out var key, out _))
            return false;
        using (key)
            return key.PublicRaw.SequenceEqual(_publicRaw);
    }

    private static string? Read(string[] lines, ReadOnlySpan<byte> content, out ProtectedKey? key)
    {
        key = null;
        var (publicRaw, box) = (new byte[VerifyingKey.SizeBytes], new byte[BoxSizeBytes]);
        if (!lines[1].StartsWith(PublicWord, StringComparison.Ordinal) || !TryDecode(lines[1][PublicWord.Length..], publicRaw))
            return $"line 2 is not `{PublicWord}` and the public key in base64; {PutBack}";
        if (!TryReadCost(lines[2], out var cost, out var salt))
            return $"line 3 is not `{CostWord}m=KIB t=PASSES p=LANES` and the salt in base64; {PutBack}";
        if (cost.Fault is { } excessive)
            return $"line 3: {excessive}; {PutBack}";
        if (lines[3] != CommentWord && !lines[3].StartsWith(CommentWord + " ", StringComparison.Ordinal))
            return $"line 4 is not `{CommentWord}` and the comment; {PutBack}";
        var comment = lines[3].Length > CommentWord.Length ? lines[3][(CommentWord.Length + 1)..] : "";
        if (!IsComment(comment) || (comment.Length == 0 && lines[3] != CommentWord))
            return $"line 4: the comment has more than {Limits.MaxKeyCommentChars} characters, or a blank at an end; {PutBack}";
        var words = lines[4].StartsWith(BoxWord, StringComparison.Ordinal) ? lines[4][BoxWord.Length..].Split(' ') : [];
        var nonce = new byte[SealingTerms.NonceSizeBytes];
        if (words.Length != 2 || !TryDecode(words[0], nonce) || !TryDecode(words[1], box))
            return $"line 5 is not `{BoxWord}`, the nonce and the box in base64; {PutBack}";
        key = new ProtectedKey(publicRaw, new SealingTerms(cost, salt, nonce), comment, content[..(content.Length - lines[4].Length - 1)].ToArray(), box);
        return null;
    }

    private static bool TryReadCost(string line, out Argon2Cost cost, out byte[] salt)
    {
        cost = default;
        salt = new byte[SealingTerms.SaltSizeBytes];
        var words = line.StartsWith(CostWord, StringComparison.Ordinal) ? line[CostWord.Length..].Split(' ') : [];
        if (words.Length != 4 || !TryReadNumber(words[0], "m=", out var memory) || !TryReadNumber(words[1], "t=", out var passes) || !TryReadNumber(words[2], "p=", out var lanes)
            || !TryDecode(words[3], salt))
            return false;
        cost = new Argon2Cost(memory, passes, lanes);
        return true;
    }

    private static bool TryReadNumber(string word, string name, out int number)
    {
        number = 0;
        return word.StartsWith(name, StringComparison.Ordinal)
            && int.TryParse(word.AsSpan(name.Length), NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && word.AsSpan(name.Length).SequenceEqual(number.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>One spelling only, for the text is authenticated, not what it means.</summary>
    private static bool TryDecode(string text, Span<byte> destination) =>
        text.Length == (destination.Length + 2) / 3 * 4
        && Convert.TryFromBase64String(text, destination, out var written) && written == destination.Length
        && Convert.ToBase64String(destination) == text;
}
