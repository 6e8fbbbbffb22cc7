using System.CommandLine;
using System.Text;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Auditing;

/// <summary>Whom an auditor trusts: <c>--key</c>, the ledger's, and <c>--signer</c>, the operators'.</summary>
internal sealed class AuditKeys
{
    private readonly Option<string> key = new("--key")
    {
        Required = true,
        HelpName = "KEY",
        Description = "The ledger's verifier key, as `qwamosctl audit key` prints it, or a file with it",
    };

    private readonly Option<string[]> signers = new("--signer")
    {
        HelpName = "FILE",
        Description = "An operator's public key (32 bytes); may be given more than once (default: the enrolled key, else your own)",
    };

    public void AddTo(Command command)
    {
        command.Add(key);
        command.Add(signers);
    }

    public bool TryRead(ParseResult parse, Session session, out NoteVerifierKey ledger, out List<VerifyingKey> operators, out Failure failure)
    {
        operators = [];
        return TryReadLedger(parse.GetValue(key)!, session, out ledger, out failure) && TryReadSigners(parse.GetValue(signers) ?? [], session, operators, out failure);
    }

    /// <summary>A verifier key on the command line, or a file with one.</summary>
    public static bool TryReadLedger(string given, Session session, out NoteVerifierKey ledger, out Failure failure)
    {
        failure = null!;
        if (NoteVerifierKey.TryParse(given, out ledger!, out var fault))
            return true;
        // A name with two pluses was meant as the key itself; a file is worth opening for anything else.
        if (given.Count(character => character == '+') < 2)
        {
            if (!InputFile.TryRead(session.Terminal, given, Limits.MaxVerifierKeyFileBytes, out var content, out failure))
                return false;
            if (NoteVerifierKey.TryParse(Encoding.UTF8.GetString(content), out ledger!, out fault))
                return true;
        }
        failure = Failure.Usage($"--key: {fault}", "Print it where the ledger is: qwamosctl audit key");
        return false;
    }

    private static bool TryReadSigners(string[] files, Session session, List<VerifyingKey> operators, out Failure failure)
    {
        failure = null!;
        if (files.Length == 0)
            return TryFindSigner(session, operators, out failure);
        foreach (var file in files)
        {
            if (!InputFile.TryRead(session.Terminal, file, VerifyingKey.SizeBytes, out var raw, out failure))
                return false;
            if (!VerifyingKey.TryLoad(raw, out var loaded, out var fault))
                return No(new Failure(ExitCode.KeyProblem, $"{file}: {fault}"), out failure);
            if (operators.All(other => other.Id != loaded.Id))
                operators.Add(loaded);
        }
        return operators.Count <= Limits.MaxActiveKeys || No(Failure.Usage($"at most {Limits.MaxActiveKeys} signers may be given"), out failure);
    }

    /// <summary>On the system itself its anchor, on the operator's machine the operator's own key; an auditor has neither and must say.</summary>
    private static bool TryFindSigner(Session session, List<VerifyingKey> operators, out Failure failure)
    {
        failure = null!;
        if (!Anchor.TryLoad(session.Paths, null, out var found, out _) && !new KeyHome(session.Home ?? KeyHome.DefaultDirectory).TryLoadPublic(out found, out _))
            return No(Failure.Usage("whose signatures are to hold is not said", "Give each operator's public key: --signer FILE (ed25519_pk, or dom0.pub)"), out failure);
        operators.Add(found);
        return true;
    }

    private static bool No(Failure why, out Failure failure)
    {
        failure = why;
        return false;
    }
}
