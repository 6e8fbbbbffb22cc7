using System.CommandLine;
using Qwamos.Client.Auditing;
using Qwamos.Client.Showing;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl audit check-proof FILE --key K</c>: what one proof proves. Needs no daemon, and no system of its own.</summary>
internal static class AuditCheckProofCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string> file = new("FILE") { Description = "What prove printed; - reads standard input" };
        AuditKeys keys = new();
        Command command = new("check-proof", "Check a proof offline, and show the entry that it proves") { file };
        keys.AddTo(command);
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse, parse.GetValue(file)!, keys)));
        return command;
    }

    private static int Run(Session session, ParseResult parse, string file, AuditKeys keys)
    {
        if (!keys.TryRead(parse, session, out var ledger, out var signers, out var failure)
            || !InputFile.TryRead(session.Terminal, file, Limits.MaxProofFileBytes, out var content, out failure))
            return session.Fail(failure);
        if (!InclusionProof.TryParse(content, out var proof, out var fault) || !proof.TryCheck(ledger, signers, out var proven, out fault))
            return session.Fail(new Failure(ExitCode.Refused, $"{file} proves nothing: {fault}"));
        session.Terminal.Print(session.Json ? JsonPrinter.Print(EntryText.ToJson(proven)) + "\n" : EntryText.Describe(proven));
        return (int)ExitCode.Done;
    }
}
