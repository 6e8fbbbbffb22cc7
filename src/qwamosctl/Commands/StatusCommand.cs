using System.CommandLine;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using BusCommands = Qwamos.ControlBus.Envelopes.Commands;

namespace Qwamos.Client.Commands;

/// <summary>
/// <c>qwamosctl status</c>: asks unsigned, so that it needs no key. Signs where it must: to see confidential values, and for a daemon of
/// the old design, which knows no unsigned request and refuses it without a code.
/// </summary>
internal static class StatusCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Option<bool> reveal = new("--reveal") { Description = "Show confidential values too; the request is signed" };
        Command command = new("status", "Show the policy, what waits for a reboot, and what is wrong") { reveal };
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse.GetValue(reveal))));
        return command;
    }

    private static int Run(Session session, bool reveal)
    {
        var asked = reveal ? TryAskSigned(session, reveal: true, out var answer, out var failure) : TryAsk(session, out answer, out failure);
        if (!asked)
            return session.Fail(failure);
        if (answer.IsOk && !answer.HasObject("policy"))
            return session.Fail(Bus.Incomplete(session, "policy"));
        CarriedCheckpoint carried = new(session, answer);
        if (session.Json)
            session.Terminal.Print(JsonPrinter.Print(carried.Shown) + "\n");
        else if (answer.IsOk)
            session.Terminal.Print(StatusReport.Describe(answer, session.TryLoadSchema(out var schema, out _) ? schema : null, session.Terminal.Clock.GetUtcNow(), session.Terminal.OutputPaint));
        if (answer.IsOk)
            return carried.TryAccept(out failure) ? (int)ExitCode.Done : session.Fail(failure);
        RefusalReport.Show(session, answer, null);
        return (int)ExitCode.Refused;
    }

    private static bool TryAsk(Session session, out AnswerReader answer, out Failure failure)
    {
        MessageDraft draft = new() { Command = BusCommands.GetStatus };
        if (!EnvelopeWriter.TryWriteUnsigned(draft, out var envelope, out var refusal))
            throw new InvalidOperationException(refusal.Reason);
        if (!Bus.TryAsk(session, envelope, out answer, out failure))
            return false;
        if (answer.IsOk || answer.Code is not null)
            return true;
        return TryAskSigned(session, reveal: false, out answer, out failure);
    }

    private static bool TryAskSigned(Session session, bool reveal, out AnswerReader answer, out Failure failure)
    {
        answer = null!;
        if (!SystemName.TryRead(session.Paths, out var system, out failure) || !OperatorKey.TryOpen(session, out var key, out failure))
            return false;
        using (key)
        {
            MessageDraft draft = new()
            {
                Command = BusCommands.GetStatus,
                Args = reveal ? JsonValue.Object([("reveal", JsonValue.Of(true))]) : null,
                Nonce = Nonce.Random(),
                Timestamp = session.Now,
                System = system,
            };
            return Bus.TryAsk(session, EnvelopeWriter.Sign(draft, key.Signer), out answer, out failure);
        }
    }
}
