using System.CommandLine;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;

namespace Qwamos.Client.Auditing;

/// <summary><c>--witnesses</c> and <c>--quorum</c>: who must have cosigned the checkpoint besides the ledger's key.</summary>
internal sealed class WitnessOption
{
    private readonly Option<string> witnesses = new("--witnesses")
    {
        HelpName = "FILE",
        Description = "The witnesses you trust: a line each, as `gateway-policyd witness` prints it",
    };

    private readonly Option<int?> quorum = new("--quorum")
    {
        HelpName = "N",
        Description = "How many of them must have cosigned (default: all)",
    };

    public void AddTo(Command command)
    {
        command.Add(witnesses);
        command.Add(quorum);
    }

    /// <summary>Null when no witness is asked for.</summary>
    public bool TryRead(ParseResult parse, Session session, out WitnessQuorum? required, out Failure failure)
    {
        (required, failure) = (null, null!);
        var needed = parse.GetValue(quorum);
        if (parse.GetValue(witnesses) is not { } file)
            return needed is null || No(Failure.Usage("--quorum goes with --witnesses FILE"), out failure);
        if (!InputFile.TryRead(session.Terminal, file, Limits.MaxWitnessListBytes, out var content, out failure))
            return false;
        return WitnessQuorum.TryRead(content, needed, out required, out var fault)
            || No(Failure.Usage($"{InputFile.NameOf(file)}: {fault}", "Each gateway prints its line: gateway-policyd witness"), out failure);
    }

    private static bool No(Failure why, out Failure failure)
    {
        failure = why;
        return false;
    }
}
