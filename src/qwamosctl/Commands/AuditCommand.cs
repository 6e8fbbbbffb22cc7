using System.CommandLine;
using Qwamos.Client.Auditing;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl audit</c>: what proves the ledger's history to somebody who trusts neither this system nor its daemon.</summary>
internal static class AuditCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal) => new("audit", "Export, and check offline, what was changed, when and by whom")
    {
        Online(shared, terminal, "checkpoint", "Print a signed checkpoint that covers every entry durable now", Checkpoint),
        AuditKeyCommand.Build(shared, terminal),
        AuditShowCommand.Build(shared, terminal),
        AuditExportCommand.Build(shared, terminal),
        AuditVerifyCommand.Build(shared, terminal),
        AuditProveCommand.Build(shared, terminal),
        AuditCheckProofCommand.Build(shared, terminal),
        AuditConsistencyCommand.Build(shared, terminal),
    };

    private static Command Online(SharedOptions shared, Terminal terminal, string name, string description, Func<SignedCheckpoint, Session, string> describe)
    {
        Command command = new(name, description);
        command.SetAction(parse => shared.Run(parse, terminal, session =>
        {
            if (!new LedgerReader(session).TryGetCheckpoint(out var checkpoint, out var failure))
                return session.Fail(failure);
            session.Terminal.Print(describe(checkpoint, session));
            return (int)ExitCode.Done;
        }));
        return command;
    }

    private static string Checkpoint(SignedCheckpoint signed, Session session) => session.Json
        ? JsonPrinter.Print(JsonValue.Object([
            ("status", JsonValue.Of("ok")),
            .. AuditText.Members(signed.Checkpoint),
            ("stale", JsonValue.Of(signed.Checkpoint.IsStale(session.Now))),
            ("key", JsonValue.Of(signed.Key.ToString())),
            ("checkpoint", JsonValue.Of(System.Text.Encoding.UTF8.GetString(signed.Note)))])) + "\n"
        : System.Text.Encoding.UTF8.GetString(signed.Note);
}
