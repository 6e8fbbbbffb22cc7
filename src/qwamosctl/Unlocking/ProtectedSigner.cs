using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Unlocking;

/// <summary>
/// Signs with a protected key: with the passphrase that was given, else by the agent that holds the key, else with a passphrase that is asked for at the
/// terminal. Once opened here it stays so until it is disposed of, so that a command asks once.
/// </summary>
internal sealed class ProtectedSigner : IEd25519Signer
{
    private readonly Session session;
    private readonly string file;
    private readonly ProtectedKey key;
    private AgentClient? agent;
    private SigningKey? opened;

    private ProtectedSigner(Session session, string file, ProtectedKey key)
    {
        this.session = session;
        this.file = file;
        this.key = key;
    }

    public ReadOnlySpan<byte> PublicKey => key.PublicRaw;

    /// <summary>Ready to sign, or not at all: a person is asked before anything that has a time on it is written.</summary>
    public static bool TryPrepare(Session session, string file, ProtectedKey key, [NotNullWhen(true)] out ProtectedSigner? signer, out Failure failure)
    {
        failure = null!;
        signer = new ProtectedSigner(session, file, key);
        string? why = null;
        if (session.Passphrase is null && AgentClient.TryFind(session, key.Id, out signer.agent, out why))
            return true;
        if (signer.TryOpenHere(why, out failure))
            return true;
        signer = null;
        return false;
    }

    public byte[] Sign(ReadOnlySpan<byte> data)
    {
        if (opened is null && agent is not null)
        {
            var answer = agent.TrySign(key, data, out var signature, out var why);
            if (answer == AgentAnswer.Signed)
                return signature!;
            if (answer == AgentAnswer.Refused)
                throw new NotSignedException(new Failure(ExitCode.KeyProblem, $"the agent did not sign it: {why}"));
            if (!TryOpenHere(why, out var failure))
                throw new NotSignedException(failure);
        }
        return (opened ?? throw new InvalidOperationException("It was not prepared.")).Sign(data);
    }

    public void Dispose() => opened?.Dispose();

    /// <param name="why">Why the agent does not do it, or null.</param>
    private bool TryOpenHere(string? why, out Failure failure)
    {
        if (!TryGetPassphrase(session, file, why, out var passphrase, out failure))
            return false;
        using (passphrase)
        {
            if (!TryOpen(file, key, passphrase, out opened, out failure))
                return false;
        }
        agent = null;
        return true;
    }

    /// <summary>How a command is given a passphrase that no agent can stand for.</summary>
    public const string AtTerminal = "Run it at a terminal; or give --passphrase-file FILE";

    /// <summary>The passphrase that a key has: from where it was said to be, else asked for.</summary>
    /// <param name="session">Where it was said to be.</param>
    /// <param name="file">The key's file.</param>
    /// <param name="why">Why the agent does not sign, or null.</param>
    /// <param name="passphrase">The caller disposes of it.</param>
    /// <param name="failure">Why there is none.</param>
    /// <param name="mend">What to do where nobody can be asked; null where an agent would do, too.</param>
    public static bool TryGetPassphrase(
        Session session, string file, string? why, [NotNullWhen(true)] out SecretBytes? passphrase, out Failure failure, string? mend = null)
    {
        if (session.Passphrase is { } source)
            return source.TryRead(session, out passphrase, out failure);
        failure = null!;
        if (why is not null)
            session.Terminal.Note($"The agent does not sign it: {SafeText.ForTerminal(why)}.");
        passphrase = session.Terminal.AskSecret($"Passphrase of {SafeText.ForTerminal(file)}: ");
        if (passphrase is null)
        {
            failure = new Failure(
                ExitCode.KeyProblem,
                $"{file} is protected by a passphrase, and nobody can be asked for it here{(why is null ? "" : $"; the agent does not sign it: {why}")}",
                mend ?? "Start the agent at a terminal: qwamosctl agent; or give --passphrase-file FILE");
            return false;
        }
        if (PassphraseSource.FirstLine(passphrase, out var fault) is not null)
            return true;
        passphrase.Dispose();
        passphrase = null;
        failure = new Failure(ExitCode.KeyProblem, fault!);
        return false;
    }

    /// <summary>Opens a protected key with a passphrase.</summary>
    public static bool TryOpen(string file, ProtectedKey key, SecretBytes passphrase, [NotNullWhen(true)] out SigningKey? opened, out Failure failure)
    {
        failure = null!;
        opened = null;
        var opening = key.Open(passphrase, out var seed);
        if (opening != KeyOpening.Opened)
        {
            failure = new Failure(ExitCode.KeyProblem, KeyProtection.Sentence(file, opening, key.Terms.Cost));
            return false;
        }
        using (seed)
        {
            if (SigningKey.TryLoad(seed!.Bytes, out opened, out var fault))
                return true;
            failure = new Failure(ExitCode.KeyProblem, fault);
            return false;
        }
    }
}
