using System.CommandLine;
using System.Text;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;

namespace Qwamos.Client.Auditing;

/// <summary><c>--key</c>: the ledger's key. Without it the one that this client has pinned.</summary>
internal sealed class LedgerKeyOption
{
    /// <summary>How a key is trusted that was named on the command line.</summary>
    public const string Given = "the one given";

    private readonly Option<string> key = new("--key")
    {
        HelpName = "KEY",
        Description = "The ledger's verifier key, as `qwamosctl audit key` prints it, or a file with it (default: the one that an operator signed, or that is pinned in the key home)",
    };

    public void AddTo(Command command) => command.Add(key);

    /// <summary>What was given; null when nothing was.</summary>
    public bool TryRead(ParseResult parse, Session session, out NoteVerifierKey? given, out Failure failure)
    {
        (given, failure) = (null, null!);
        return parse.GetValue(key) is not { } text || TryRead(text, session, out given, out failure);
    }

    /// <summary>
    /// The key given; without one that which is kept for the ledger that a note names, or else that of an operator's newest statement among those
    /// that came with it.
    /// </summary>
    /// <param name="session">Where the key home is.</param>
    /// <param name="given">What the option said.</param>
    /// <param name="note">The signed checkpoint; of it only the log's name counts here.</param>
    /// <param name="place">What has the note, for a sentence.</param>
    /// <param name="statements">Statements that hold under an operator's key; asked for only when they are needed.</param>
    /// <param name="found">The key.</param>
    /// <param name="trust">How it is trusted.</param>
    /// <param name="failure">Why there is none.</param>
    public static bool TryFind(
        Session session, NoteVerifierKey? given, ReadOnlySpan<byte> note, string place, IEnumerable<LedgerKeyStatement> statements, out NoteVerifierKey found, out string trust, out Failure failure)
    {
        (found, trust, failure) = (given!, Given, null!);
        if (given is not null)
            return true;
        if (!SignedNote.TryParse(note, out var read, out var fault))
            return No(new Failure(ExitCode.Refused, $"{place} is not a signed checkpoint: {fault}"), out failure);
        var origin = read.Text.Split('\n')[0];
        if (!new SeenCheckpoints(session).TryFind(origin, out var seen, out failure))
            return false;
        if (seen is not null)
        {
            (found, trust) = (seen.Key, LedgerTrust.Describe(session, seen.Statement));
            return true;
        }
        var newest = statements.Where(statement => Checkpoint.OriginOf(statement.SystemId) == origin).MaxBy(statement => statement.TimestampSeconds);
        if (newest is not null && NoteVerifierKey.TryParse(newest.Key, out var signed, out _))
        {
            (found, trust) = (signed, $"signed by {newest.Signer}");
            return true;
        }
        return No(Failure.Usage(
            "which key is the ledger's is not said, and none is pinned in the key home", "Print it where the ledger is, with qwamosctl audit key, and give it: --key KEY"), out failure);
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

    private static bool No(Failure why, out Failure failure)
    {
        failure = why;
        return false;
    }
}
