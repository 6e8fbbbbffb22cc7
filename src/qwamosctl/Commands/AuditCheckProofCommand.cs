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
        LedgerKeyOption key = new();
        SignerOption signers = new();
        Command command = new("check-proof", "Check a proof offline, and show the entry that it proves") { file };
        key.AddTo(command);
        signers.AddTo(command);
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse, parse.GetValue(file)!, key, signers)));
        return command;
    }

    private static int Run(Session session, ParseResult parse, string file, LedgerKeyOption keyOption, SignerOption signerOption)
    {
        if (!keyOption.TryRead(parse, session, out var given, out var failure)
            || !signerOption.TryRead(parse, session, out var signers, out failure)
            || !InputFile.TryRead(session.Terminal, file, Limits.MaxProofFileBytes, out var content, out failure))
            return session.Fail(failure);
        if (!InclusionProof.TryParse(content, out var proof, out var fault))
            return session.Fail(ProvesNothing(file, fault, ExportFolder.Mend(content, file)));
        if (!LedgerKeyOption.TryFind(session, given, proof.Note.Span, $"what stands below the hashes in {InputFile.NameOf(file)}", [], out var key, out _, out failure))
            return session.Fail(failure);
        if (!proof.TryCheck(key, signers, out var proven, out fault))
            return session.Fail(ProvesNothing(file, fault, AuditText.Mend(fault, given is not null)));
        session.Terminal.Print(session.Json ? JsonPrinter.Print(EntryText.ToJson(proven)) + "\n" : EntryText.Describe(proven));
        return (int)ExitCode.Done;
    }

    private static Failure ProvesNothing(string file, string why, string? mend) => new(ExitCode.Refused, $"{InputFile.NameOf(file)} proves nothing: {why}", mend);
}
