using System.Security.Cryptography;
using Qwamos.Client.Unlocking;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Trusting;

/// <summary>
/// The key files of a replacement: the home's, the new key's in <c>next/</c> until it has their place, the old one's in <c>old/KEYID/</c> from then on. Each step
/// is durable before the next, and can be done again. A file is copied as it is, be it a seed or protected by a passphrase.
/// </summary>
internal sealed class RotationHome(Session session)
{
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode FolderMode = FileMode | UnixFileMode.UserExecute;

    private readonly KeyHome _home = new(session.KeyHomeDirectory);

    /// <summary>Where the new key is until it takes the old one's place.</summary>
    public KeyHome Next { get; } = new(Path.Combine(session.KeyHomeDirectory, "next"));

    /// <summary>
    /// The lock of <c>keys protect</c>, while files are changed, and what is noted, read again: a person may think, and a gateway be late, for as long as another run takes.
    /// </summary>
    /// <exception cref="IOException">Another program has it, or another run went on meanwhile.</exception>
    public IDisposable Lock(RotationState? expected)
    {
        var held = KeyHomeLock.Take(_home.Directory);
        if (RotationState.TryRead(session, out var now, out var failure) && now == expected)
            return held;
        held.Dispose();
        throw new IOException(failure?.Reason ?? "another run went on with the replacement of this key meanwhile");
    }

    /// <summary>Runs a replacement, or its undoing; what cannot be done in the home ends it, with the command that goes on.</summary>
    public int Guard(Func<int> run, string goOn)
    {
        try
        {
            return run();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return session.Fail(new Failure(ExitCode.KeyProblem, $"the key home cannot be used: {fault.Message.TrimEnd('.')}", $"Mend that, and go on: {goOn}"));
        }
    }

    /// <summary>Which key the home holds, without asking for a passphrase.</summary>
    public bool TryGetOwn(out KeyId id, out bool isProtected, out Failure failure)
    {
        (id, isProtected) = (default, false);
        if (!OperatorKey.TryFind(session, out _, out var stored, out failure))
            return false;
        using (stored)
            (id, isProtected) = (stored.Id, stored.Protected is not null);
        return true;
    }

    /// <summary>The new key, made when there is none yet; durable.</summary>
    public bool TryMakeNext(out KeyId id, out bool isProtected, out Failure failure)
    {
        (id, isProtected, failure) = (default, false, null!);
        if (!Next.TryOpenOrCreate(out var stored, out _, out var fault))
        {
            failure = new Failure(ExitCode.KeyProblem, session.Placed(fault)!);
            return false;
        }
        using (stored)
            (id, isProtected) = (stored.Id, stored.Protected is not null);
        return true;
    }

    /// <summary>Puts the new key under the passphrase of the home's, which is tried on that first; the caller disposes of it.</summary>
    public bool TryProtectNext(out SecretBytes? passphrase, out Failure failure)
    {
        passphrase = null;
        if (!OperatorKey.TryFind(session, out _, out var stored, out failure))
            return false;
        using (stored)
        {
            if (stored.Protected is not { } key)
            {
                failure = new Failure(ExitCode.KeyProblem, $"{_home.PrivateKeyFile} was changed meanwhile", "Run it again");
                return false;
            }
            if (!ProtectedSigner.TryGetPassphrase(session, _home.PrivateKeyFile, null, out passphrase, out failure, ProtectedSigner.AtTerminal)
                || !ProtectedSigner.TryOpen(_home.PrivateKeyFile, key, passphrase, out var opened, out failure))
                return false;
            opened.Dispose();
            if (new KeyProtection(Next).TryProtect(null, passphrase, key.Comment, Argon2Cost.Default, out var fault))
                return true;
            failure = new Failure(ExitCode.KeyProblem, fault);
            return false;
        }
    }

    /// <summary>Where the old key's files are kept.</summary>
    public KeyHome Archive(KeyId old) => new(Path.Combine(session.KeyHomeDirectory, "old", old.ToString()));

    /// <summary>Copies the home's key to the archive; a copy that is there stays.</summary>
    /// <exception cref="IOException">A step failed.</exception>
    public void Keep(KeyId old)
    {
        var archive = Archive(old);
        DurableFile.MakeDirectory(Path.GetDirectoryName(archive.Directory)!, FolderMode);
        DurableFile.MakeDirectory(archive.Directory, FolderMode);
        Copy(_home.PrivateKeyFile, content => DurableFile.CreateNew(archive.PrivateKeyFile, content, FileMode));
        Copy(_home.PublicKeyFile, content => DurableFile.CreateNew(archive.PublicKeyFile, content, FileMode));
    }

    /// <summary>Gives the home the key of another folder: the private half first, by one rename; what its file held is overwritten.</summary>
    /// <exception cref="IOException">A step failed.</exception>
    public void Take(KeyHome from)
    {
        Copy(from.PrivateKeyFile, content => SecretFile.Replace(_home.PrivateKeyFile, content, FileMode));
        Copy(from.PublicKeyFile, content => DurableFile.Replace(_home.PublicKeyFile, content, FileMode));
    }

    /// <summary>Removes a folder with a key in it, where it is there; the private half is overwritten first.</summary>
    /// <exception cref="IOException">A step failed.</exception>
    public static void Remove(KeyHome home)
    {
        if (!Directory.Exists(home.Directory))
            return;
        SecretFile.Remove(home.PrivateKeyFile);
        DurableFile.Remove(home.PublicKeyFile);
        DurableFile.RemoveLeftovers(home.Directory);
        Directory.Delete(home.Directory);
        DurableFile.SyncDirectory(Path.GetDirectoryName(home.Directory)!);
    }

    private static void Copy(string from, Action<byte[]> put)
    {
        var content = DurableFile.ReadAllBounded(from, Limits.MaxVerifierKeyFileBytes);
        try
        {
            put(content);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }
}
