using System.CommandLine;
using System.Text;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;

namespace Qwamos.Client.Auditing;

/// <summary><c>--key</c>: the ledger's key. Without it the one that this client has pinned.</summary>
internal sealed class LedgerKeyOption
{
    private readonly Option<string> key = new("--key")
    {
        HelpName = "KEY",
        Description = "The ledger's verifier key, as `qwamosctl audit key` prints it, or a file with it (default: the one pinned in the key home)",
    };

    public void AddTo(Command command) => command.Add(key);

    /// <summary>What was given; null when nothing was.</summary>
    public bool TryRead(ParseResult parse, Session session, out NoteVerifierKey? given, out Failure failure)
    {
        (given, failure) = (null, null!);
        return parse.GetValue(key) is not { } text || TryRead(text, session, out given, out failure);
    }

    /// <summary>The key given or, without one, the one pinned for the ledger that a note names.</summary>
    public static bool TryFind(Session session, NoteVerifierKey? given, ReadOnlySpan<byte> note, out NoteVerifierKey key, out Failure failure)
    {
        (key, failure) = (given!, null!);
        if (given is not null)
            return true;
        if (SignedNote.TryParse(note, out var read, out _) && new SeenCheckpoints(session).TryFindKey(read.Text.Split('\n')[0], out key))
            return true;
        failure = Failure.Usage(
            "which key is the ledger's is not said, and none is pinned in the key home", "Print it where the ledger is, with qwamosctl audit key, and give it: --key KEY");
        return false;
    }

    /// <summary>A verifier key on the command line, or a file with one.</summary>
    private static bool TryRead(string given, Session session, out NoteVerifierKey? ledger, out Failure failure)
    {
        failure = null!;
        if (NoteVerifierKey.TryParse(given, out ledger, out var fault))
            return true;
        // A name with two pluses was meant as the key itself; a file is worth opening for anything else.
        if (given.Count(character => character == '+') < 2)
        {
            if (!InputFile.TryRead(session.Terminal, given, Limits.MaxVerifierKeyFileBytes, out var content, out failure))
                return false;
            if (NoteVerifierKey.TryParse(Encoding.UTF8.GetString(content), out ledger, out fault))
                return true;
        }
        failure = Failure.Usage($"--key: {fault}", "Print it where the ledger is: qwamosctl audit key");
        return false;
    }
}
