using System.CommandLine;
using Qwamos.Client.Auditing;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl audit key</c>: the ledger's verifier key; with <c>--sign</c> the operator's word that it is the one.</summary>
internal static class AuditKeyCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Option<bool> sign = new("--sign") { Description = "Sign that this is the ledger's key, so that others need not take it on trust; compare it with the one on the system first" };
        LedgerKeyOption ledgerKey = new();
        Command command = new("key", "Print the ledger's verifier key, which auditors are given, alone on one line") { sign };
        ledgerKey.AddTo(command);
        command.SetAction(parse => shared.Run(parse, terminal, session =>
            !ledgerKey.TryRead(parse, session, out var given, out var failure) ? session.Fail(failure)
            : parse.GetValue(sign) ? new LedgerKeySigning(session, given).Run()
            : Show(session, given)));
        return command;
    }

    private static int Show(Session session, NoteVerifierKey? given)
    {
        if (!new LedgerReader(session, given).TryGetCheckpoint(out var signed, out var failure))
            return session.Fail(failure);
        session.Terminal.Print(session.Json
            ? JsonPrinter.Print(JsonValue.Object([("status", JsonValue.Of("ok")), ("key", JsonValue.Of(signed.Key.ToString())), ("trust", JsonValue.Of(LedgerTrust.Describe(session, signed.Statement)))])) + "\n"
            : signed.Key + "\n");
        return (int)ExitCode.Done;
    }
}
