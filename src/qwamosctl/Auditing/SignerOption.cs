using System.CommandLine;
using Qwamos.ControlBus;
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
    private static bool TryFind(Session session, List<VerifyingKey> operators, out Failure failure)
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
