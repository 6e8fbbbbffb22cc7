using System.Diagnostics.CodeAnalysis;
using Qwamos.Client.Signing;
using Qwamos.Client.Unlocking;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client;

/// <summary>The operator's key pair, opened from the key home; made there on first use.</summary>
internal sealed class OperatorKey : IDisposable
{
    private readonly SigningKey key;

    private readonly SystemPaths paths;

    private OperatorKey(SigningKey key, string publicKeyFile, SystemPaths paths)
    {
        this.key = key;
        this.paths = paths;
        PublicKeyFile = publicKeyFile;
    }

    public KeyId Id => key.Id;

    public SigningKey Signer => key;

    public string PublicKeyFile { get; }

    /// <summary>Whether this system's anchor is this key; null when it has none that can be read.</summary>
    public bool? IsEnrolled => EnrolledId(paths) is { } id ? id == key.Id : null;

    /// <summary>The command that makes this system believe the key; to be run by root, but for a trial.</summary>
    private static string EnrolLine(SystemPaths paths, string file, KeyId id) => (paths.IsTrial ? "" : "sudo ")
        + ProposedCommand.Of(paths, "qwamosd", $"enroll {SafePath.Quote(file)} --fingerprint {id}{(IsAnother(paths, id) ? " --replace" : "")}");

    /// <summary>Whether a daemon of this trial, started by the same user, believes the key without an anchor.</summary>
    public bool IsBelievedInTrial => IsDefaultInTrial(paths, PublicKeyFile);

    /// <summary>How a key comes to be believed here, or which one is: the one wording of it.</summary>
    public string EnrolAdvice => AdviceFor(paths, PublicKeyFile, Id);

    /// <inheritdoc cref="EnrolAdvice"/>
    public static string AdviceFor(SystemPaths paths, string publicKeyFile, KeyId id)
    {
        var line = EnrolLine(paths, publicKeyFile, id);
        return IsAnother(paths, id) ? $"Use the key home of the enrolled key, with --home DIR. To enrol this one in place of theirs, which then stops working: {line}"
            : paths.IsTrial && Posix.IsAbsent(paths.AnchorFile) && !IsDefaultInTrial(paths, publicKeyFile) ? $"As long as no key is enrolled, a trial believes the one in {SafeText.ForTerminal(KeyHome.DefaultDirectory)}: leave --home out. To enrol this one: {line}"
            : $"To enrol it: {line}";
    }

    private static bool IsAnother(SystemPaths paths, KeyId id) => EnrolledId(paths) is { } enrolled && enrolled != id;

    private static bool IsDefaultInTrial(SystemPaths paths, string file) => paths.IsTrial && Posix.IsAbsent(paths.AnchorFile) && Path.GetDirectoryName(file) == KeyHome.DefaultDirectory;

    /// <summary>Whether the private key's file is protected by a passphrase.</summary>
    public bool IsProtected { get; private init; }

    /// <summary>Opens the key to sign with it. Whoever must be asked for a passphrase is asked now.</summary>
    /// <param name="session">Where the key home is.</param>
    /// <param name="key">The key.</param>
    /// <param name="failure">Why there is none.</param>
    /// <param name="toSign">False when only its public half is wanted: then nobody is asked for a passphrase, and it cannot sign.</param>
    public static bool TryOpen(Session session, out OperatorKey key, out Failure failure, bool toSign = true)
    {
        key = null!;
        return TryFind(session, out var home, out var stored, out failure) && TryTake(session, home, stored, toSign, out key, out failure);
    }

    /// <summary>The key as it is stored, for which nobody is asked; the caller disposes of it.</summary>
    public static bool TryFind(Session session, out KeyHome home, [NotNullWhen(true)] out StoredKey? stored, out Failure failure)
    {
        home = HomeOf(session);
        failure = null!;
        if (home.TryOpen(out stored, out var fault))
            return true;
        failure = new Failure(ExitCode.KeyProblem, session.Placed(fault)!);
        return false;
    }

    /// <summary>Opens the key, or makes it and says so on standard error.</summary>
    /// <param name="advise">Says also how to enrol a new key.</param>
    /// <param name="toSign">False when only its public half is wanted: then nobody is asked for a passphrase, and it cannot sign.</param>
    public static bool TryOpenOrCreate(Session session, bool advise, out OperatorKey key, out Failure failure, bool toSign = true)
    {
        var home = HomeOf(session);
        key = null!;
        // Whoever names a folder, where a key is enrolled already, means the one that holds it: the name is mistyped.
        if (toSign && session.Home is not null && Posix.IsAbsent(home.Directory) && !Posix.IsAbsent(session.Paths.AnchorFile))
        {
            failure = new Failure(ExitCode.KeyProblem, $"there is no folder {home.Directory}, and a key made there now would not be the enrolled one", "Correct --home; to make a key there all the same: qwamosctl key show");
            return false;
        }
        if (!home.TryOpenOrCreate(out var stored, out var created, out var fault))
        {
            failure = new Failure(ExitCode.KeyProblem, fault);
            return false;
        }
        if (!TryTake(session, home, stored, toSign, out key, out failure))
            return false;
        if (created)
        {
            session.Terminal.Note($"Made your key in {SafeText.ForTerminal(home.Directory)}. "
                + (key.IsBelievedInTrial ? "In this trial it is believed as long as no key is enrolled." : "Its changes are not believed before it is enrolled."));
            if (advise)
                session.Terminal.Note($"  {key.EnrolAdvice}");
            if (Posix.IsRoot && session.Home is null && !session.Paths.IsTrial)
                session.Terminal.Note("This is root's key. qwamosctl never needs root: the operator's own account is the better place for it.");
        }
        return true;
    }

    /// <summary>The one place where a stored key becomes one that signs: a raw seed does by itself, a protected one by its passphrase or the agent.</summary>
    private static bool TryTake(Session session, KeyHome home, StoredKey stored, bool toSign, out OperatorKey key, out Failure failure)
    {
        (key, failure) = (null!, null!);
        var signer = stored.Plain;
        if (stored.Protected is { } locked)
        {
            if (!toSign)
                signer = SigningKey.HeldBy(new PublicHalf(locked));
            else if (ProtectedSigner.TryPrepare(session, home.PrivateKeyFile, locked, out var prepared, out failure))
                signer = SigningKey.HeldBy(prepared);
            else
                return false;
        }
        if (WithoutLibsodium.IsInForce)
            session.Terminal.Note($"Note: {PortableBuild.SignsOtherwise}.");
        key = new OperatorKey(signer!, home.PublicKeyFile, session.Paths) { IsProtected = stored.Protected is not null };
        return true;
    }

    private static KeyHome HomeOf(Session session) => new(session.KeyHomeDirectory);

    /// <summary>The anchor's key ID. Only for showing: what the anchor is worth, the daemon judges.</summary>
    private static KeyId? EnrolledId(SystemPaths paths)
    {
        try
        {
            var raw = DurableFile.ReadAllBounded(paths.AnchorFile, VerifyingKey.SizeBytes);
            return raw.Length == VerifyingKey.SizeBytes ? KeyId.Of(KeyType.Ed25519, raw) : null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Dispose() => key.Dispose();

    /// <summary>Of a protected key that nobody opened.</summary>
    private sealed class PublicHalf(ProtectedKey key) : IEd25519Signer
    {
        public ReadOnlySpan<byte> PublicKey => key.PublicRaw;

        public byte[] Sign(ReadOnlySpan<byte> data) => throw new InvalidOperationException("It was opened for its public half only.");

        public void Dispose()
        {
            // It holds no secret.
        }
    }
}
