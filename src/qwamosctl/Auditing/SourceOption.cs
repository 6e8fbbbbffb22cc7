using System.CommandLine;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Audit;

namespace Qwamos.Client.Auditing;

/// <summary><c>--from DIR</c> and <c>--key</c>: which ledger is audited, and under which key.</summary>
internal sealed class SourceOption
{
    private readonly Option<string> from = new("--from")
    {
        HelpName = "DIR",
        Description = "An export to read in place of the daemon's ledger",
    };

    private readonly LedgerKeyOption key = new();

    public void AddTo(Command command)
    {
        command.Add(from);
        key.AddTo(command);
    }

    public bool TryOpen(ParseResult parse, Session session, out ILedgerSource source, out Failure failure)
    {
        source = null!;
        if (!TryRead(parse, session, out var directory, out var given, out failure))
            return false;
        source = directory is not null ? new ExportSource(directory, session, given) : new LedgerReader(session, given);
        return true;
    }

    /// <summary>The options themselves, each null when it was not given.</summary>
    public bool TryRead(ParseResult parse, Session session, out string? directory, out NoteVerifierKey? given, out Failure failure)
    {
        directory = parse.GetValue(from);
        return key.TryRead(parse, session, out given, out failure);
    }
}
