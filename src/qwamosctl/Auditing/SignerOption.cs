using System.CommandLine;
using System.Text;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Auditing;

/// <summary><c>--signer</c>: the operators whose signatures are to hold.</summary>
internal sealed class SignerOption
{
    private readonly Option<string[]> signers = new("--signer")
    {
        HelpName = "FILE",
        Description = "An operator's public key (32 bytes); may be given more than once (default: the enrolled key, else your own)",
    };

    public void AddTo(Command command) => command.Add(signers);

    /// <summary>At least one key, distinct ones.</summary>
    public bool TryRead(ParseResult parse, Session session, out List<VerifyingKey> operators, out Failure failure)
    {
        operators = [];
        failure = null!;
        var files = parse.GetValue(signers) ?? [];
        if (files.Length == 0)
            return TryFind(session, operators, out failure);
        foreach (var file in files)
        {
            if (IsVerifierKey(file))
                return No(NotOperators(file), out failure);
            if (!InputFile.TryRead(session.Terminal, file, Limits.MaxVerifierKeyFileBytes, out var raw, out failure))
                return false;
            if (IsVerifierKey(Encoding.UTF8.GetString(raw)))
                return No(NotOperators(file), out failure);
            if (!VerifyingKey.TryLoad(raw, out var loaded, out var fault))
                return No(new Failure(ExitCode.KeyProblem, $"{file}: {fault}"), out failure);
            if (operators.All(other => other.Id != loaded.Id))
                operators.Add(loaded);
        }
        return operators.Count <= Limits.MaxActiveKeys || No(Failure.Usage($"at most {Limits.MaxActiveKeys} signers may be given"), out failure);
    }

    /// <summary>On the system itself its anchor, on the operator's machine the operator's own key; an auditor has neither and must say.</summary>
    private static bool TryFind(Session session, List<VerifyingKey> operators, out Failure failure)
    {
        failure = null!;
        if (!Anchor.TryLoad(session.Paths, null, out var found, out _) && !new KeyHome(session.Home ?? KeyHome.DefaultDirectory).TryLoadPublic(out found, out _))
            return No(Failure.Usage("whose signatures are to hold is not said", "Give each operator's public key: --signer FILE (ed25519_pk, or dom0.pub)"), out failure);
        operators.Add(found);
        return true;
    }

    /// <summary>A ledger's, or a witness's; whatever its name, it is a line of text.</summary>
    private static bool IsVerifierKey(string text) => NoteVerifierKey.TryParse(text, out _, out _) || CosignatureKey.TryParse(text, out _, out _);

    private static Failure NotOperators(string file) => Failure.Usage(
        $"--signer takes an operator's public key, and {file} is a verifier key", "Give ed25519_pk or dom0.pub, 32 bytes; the ledger's verifier key is for --key, and those of witnesses for --witnesses");

    private static bool No(Failure why, out Failure failure)
    {
        failure = why;
        return false;
    }
}
