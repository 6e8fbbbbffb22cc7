using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Keys;

/// <summary>
/// Where an operator's key lives (DESIGN section 4): a directory 0700 with <c>ed25519_sk</c> (the raw 32-byte seed, or the text of a
/// <see cref="ProtectedKey"/>) and <c>ed25519_pk</c> (the raw 32 bytes), both 0600. The private key is always made first, by an atomic creation that never replaces: of two programs that start at once one
/// makes it and both end with it, and a home left without its public key is completed.
/// </summary>
public sealed class KeyHome
{
    private const UnixFileMode DirectoryMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    // Others may list it: what is secret is the private key, whose own mode is checked.
    private static readonly PathRules HomeRules = new() { Kind = FileKind.Directory, MayBeOwn = true, MustBeOwn = true };

    public KeyHome(string directory)
    {
        Directory = Path.GetFullPath(directory);
        PrivateKeyFile = Path.Combine(Directory, "ed25519_sk");
        PublicKeyFile = Path.Combine(Directory, "ed25519_pk");
    }

    /// <summary><c>~/.qwamos/dom0</c> of the invoking user.</summary>
    public static string DefaultDirectory =>
        Path.Combine("/", Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".qwamos", "dom0");

    public string Directory { get; }

    public string PrivateKeyFile { get; }

    public string PublicKeyFile { get; }

    /// <summary>The key that is there; false with the way to mend it when there is none or it cannot be trusted.</summary>
    public bool TryOpen([NotNullWhen(true)] out StoredKey? key, [NotNullWhen(false)] out string? fault) =>
        Guarded(create: false, out key, out _, out fault);

    /// <summary>The key that is there, or a new one, a raw seed, where there is none. Never writes over a file.</summary>
    public bool TryOpenOrCreate([NotNullWhen(true)] out StoredKey? key, out bool created, [NotNullWhen(false)] out string? fault) =>
        Guarded(create: true, out key, out created, out fault);

    /// <summary>The same for who cannot ask for a passphrase: a protected key is refused.</summary>
    public bool TryLoad([NotNullWhen(true)] out SigningKey? key, [NotNullWhen(false)] out string? fault) =>
        Plain(TryOpen(out var stored, out fault), stored, out key, ref fault);

    /// <inheritdoc cref="TryLoad"/>
    public bool TryLoadOrCreate([NotNullWhen(true)] out SigningKey? key, out bool created, [NotNullWhen(false)] out string? fault) =>
        Plain(TryOpenOrCreate(out var stored, out created, out fault), stored, out key, ref fault);

    /// <summary>
    /// Only the public key, from its own file: what a daemon in a trial falls back to. The file may belong to another user, for root reads it too.
    /// </summary>
    public bool TryLoadPublic([NotNullWhen(true)] out VerifyingKey? key, [NotNullWhen(false)] out string? fault)
    {
        Span<byte> raw = stackalloc byte[VerifyingKey.SizeBytes];
        if (KeyFile.Read(PublicKeyFile, KeyFileRules.AnyPublic, raw, out fault) == KeyFileResult.Read)
            return VerifyingKey.TryLoad(raw, out key, out fault);
        key = null;
        return false;
    }

    private bool Plain(bool opened, StoredKey? stored, [NotNullWhen(true)] out SigningKey? key, ref string? fault)
    {
        key = stored?.Plain;
        if (opened && key is null)
            fault = $"{SafeText.ForTerminal(PrivateKeyFile)} is protected by a passphrase, and nobody can be asked for it here";
        return key is not null;
    }

    private bool Guarded(
        bool create, [NotNullWhen(true)] out StoredKey? key, out bool created, [NotNullWhen(false)] out string? fault)
    {
        created = false;
        try
        {
            fault = Open(create, out key, out created);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            key = null;
            fault = $"the key home cannot be used: {e.Message}";
        }

        return key is not null;
    }

    private string? Open(bool create, out StoredKey? key, out bool created)
    {
        key = null;
        created = false;
        if (create)
            MakeDirectories(Directory);
        else if (!System.IO.Directory.Exists(Directory))
            return $"{SafeText.ForTerminal(Directory)} does not exist; `qwamosctl key show` makes a key there";
        if (!SafePath.TryCheckOwn(Directory, HomeRules, out string? untrusted))
            return untrusted;

        // Before the private key: it is made first, so a public key seen now without a private one afterwards means that one was lost.
        bool hadPublic = File.Exists(PublicKeyFile);
        var result = ReadPrivate(out key, out string fault);
        if (result == KeyFileResult.Absent && hadPublic)
        {
            return $"{SafeText.ForTerminal(PrivateKeyFile)} is missing while its public key is there; put your backup of it back, "
                + $"or move the public key away to start anew: {MoveAway(PublicKeyFile)}";
        }

        if (result == KeyFileResult.Absent && create)
        {
            created = CreatePrivate();
            result = ReadPrivate(out key, out fault);
        }

        if (result != KeyFileResult.Read)
            return fault;
        if (CompletePublic(key!) is not { } contradiction)
            return null;
        key!.Dispose();
        key = null;
        return contradiction;
    }

    private KeyFileResult ReadPrivate(out StoredKey? key, out string fault)
    {
        key = null;
        Span<byte> room = stackalloc byte[Limits.MaxPrivateKeyFileBytes];
        try
        {
            var result = KeyFile.ReadPrivate(PrivateKeyFile, room, out int length, out fault);
            if (result != KeyFileResult.Read)
                return result;
            string? badKey;
            if (length == SigningKey.SeedSizeBytes)
                key = SigningKey.TryLoad(room[..length], out var plain, out badKey) ? new StoredKey(plain) : null;
            else
                key = ProtectedKey.TryRead(room[..length], out var text, out badKey) ? new StoredKey(text) : null;
            if (key is not null)
                return result;
            fault = $"{SafeText.ForTerminal(PrivateKeyFile)}: {badKey}";
            return KeyFileResult.Refused;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(room);
        }
    }

    private bool CreatePrivate()
    {
        Span<byte> seed = stackalloc byte[SigningKey.SeedSizeBytes];
        try
        {
            Primitives.FillRandom(seed);
            return DurableFile.CreateNew(PrivateKeyFile, seed, FileMode);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(seed);
        }
    }

    /// <summary>Writes the public key when it is absent; a sentence when the one that is there belongs to another private key.</summary>
    private string? CompletePublic(StoredKey key)
    {
        Span<byte> raw = stackalloc byte[VerifyingKey.SizeBytes];
        var result = KeyFile.Read(PublicKeyFile, KeyFileRules.OwnPublic, raw, out string fault);
        if (result == KeyFileResult.Absent)
        {
            DurableFile.CreateNew(PublicKeyFile, key.PublicRaw, FileMode);
            result = KeyFile.Read(PublicKeyFile, KeyFileRules.OwnPublic, raw, out fault);
        }

        if (result != KeyFileResult.Read)
            return fault;
        return raw.SequenceEqual(key.PublicRaw)
            ? null
            : $"{SafeText.ForTerminal(PublicKeyFile)} does not belong to the private key beside it; find out why, then have it made again: "
                + MoveAway(PublicKeyFile);
    }

    private static void MakeDirectories(string directory)
    {
        if (System.IO.Directory.Exists(directory))
            return;
        if (Path.GetDirectoryName(directory) is { } parent)
            MakeDirectories(parent);
        DurableFile.MakeDirectory(directory, DirectoryMode);
    }

    private static string MoveAway(string path) => $"mv {SafePath.Quote(path)} {SafePath.Quote(path + ".old")}";
}
