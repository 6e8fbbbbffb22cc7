using System.CommandLine;
using Qwamos.Client.Auditing;
using Qwamos.Client.Showing;
using Qwamos.ControlBus.Audit;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl audit verify DIR --key K</c>: checks an export. Needs no daemon, and no system of its own.</summary>
internal static class AuditVerifyCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string> directory = new("DIR") { Description = "An export" };
        AuditKeys keys = new();
        Command command = new("verify", "Check every hash, signature and fold of an export, offline; says the first entry that fails and why") { directory };
        keys.AddTo(command);
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse, parse.GetValue(directory)!, keys)));
        return command;
    }

    private static int Run(Session session, ParseResult parse, string directory, AuditKeys keys)
    {
        if (!keys.TryRead(parse, session, out var ledger, out var signers, out var failure))
            return session.Fail(failure);
        Progress progress = new(session.Terminal, "verifying");
        var report = new ExportVerifier(directory, ledger, signers).Verify(progress.Show);
        progress.End();
        if (session.Json)
            session.Terminal.Print(JsonPrinter.Print(AuditText.ToJson(report)) + "\n");
        else if (report.IsSound)
            session.Terminal.Print(AuditText.Describe(report, signers));
        if (report.IsSound)
            return (int)ExitCode.Done;
        session.Terminal.Complain($"not sound: {report.Fault}");
        return (int)ExitCode.Refused;
    }
}
