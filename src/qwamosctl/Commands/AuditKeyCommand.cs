using System.CommandLine;
using Qwamos.Client.Auditing;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using BusCommands = Qwamos.ControlBus.Envelopes.Commands;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl audit key</c>: the ledger's verifier key; with <c>--sign</c> the operator's word that it is the one.</summary>
internal static class AuditKeyCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Option<bool> sign = new("--sign") { Description = "Sign that this is the ledger's key, so that others need not take it on trust; compare it with the one on the system first" };
        Command command = new("key", "Print the ledger's verifier key, which auditors are given, alone on one line") { sign };
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse.GetValue(sign))));
        return command;
    }

    private static int Run(Session session, bool sign)
    {
        if (!new LedgerReader(session).TryGetCheckpoint(out var signed, out var failure))
            return session.Fail(failure);
        if (sign)
            return Sign(session, signed);
        session.Terminal.Print(session.Json
            ? JsonPrinter.Print(JsonValue.Object([("status", JsonValue.Of("ok")), ("key", JsonValue.Of(signed.Key.ToString())), ("trust", JsonValue.Of(LedgerTrust.Describe(session, signed.Statement)))])) + "\n"
            : signed.Key + "\n");
        return (int)ExitCode.Done;
    }

    private static int Sign(Session session, SignedCheckpoint signed)
    {
        var system = signed.Checkpoint.SystemId;
        if (system is null)
            return session.Fail(new Failure(ExitCode.Refused, $"the key is of the log {signed.Checkpoint.Origin}, which is not a QWAMOS ledger"));
        if (!OperatorKey.TryOpen(session, out var key, out var failure))
            return session.Fail(failure);
        using (key)
        {
            session.Terminal.Note($"Signing, with your key {key.Id}, for system {system}, the ledger's key {signed.Key}");
            var statement = LedgerKeyStatement.Sign(key.Signer, signed.Key.ToString(), system, session.Now);
            MessageDraft draft = new() { Command = BusCommands.LedgerKey, Args = statement.ToJson() };
            if (!EnvelopeWriter.TryWriteUnsigned(draft, out var envelope, out var refusal))
                return session.Fail(new Failure(ExitCode.Refused, refusal.Reason));
            if (!Bus.TryAsk(session, envelope, out var answer, out failure))
                return session.Fail(failure);
            if (answer.IsOk && answer.Index is null)
                return session.Fail(Bus.Incomplete(session, "index"));
            if (session.Json)
                session.Terminal.Print(JsonPrinter.Print(answer.Document) + "\n");
            else if (answer.IsOk)
                session.Terminal.Print($"signed      {signed.Key}\nsystem      {system}\nkey ID      {key.Id}\nrecorded as entry {answer.Index}\n");
            if (answer.IsOk)
                return (int)ExitCode.Done;
            RefusalReport.Show(session, answer, key);
            return (int)ExitCode.Refused;
        }
    }
}
