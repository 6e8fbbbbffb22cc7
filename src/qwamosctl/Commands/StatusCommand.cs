using System.CommandLine;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;

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
        Option<bool> watch = new("--watch") { Description = "Follow it until interrupted: a terminal is drawn anew, elsewhere each change is a line" };
        Command command = new("status", "Show the policy, what waits for a reboot, what is in force in each domain, and what is wrong") { reveal, watch };
        command.SetAction(parse => shared.Run(parse, terminal, session =>
            !parse.GetValue(watch) ? Run(session, parse.GetValue(reveal))
            : parse.GetValue(reveal) ? session.Fail(Failure.Usage("--watch shows no confidential values: leave --reveal out"))
            : new StatusWatch(session).Run()));
        return command;
    }

    private static int Run(Session session, bool reveal)
    {
        var asked = reveal ? StatusQuestion.TryAskSigned(session, reveal: true, out var answer, out var failure) : StatusQuestion.TryAsk(session, out answer, out failure);
        if (!asked)
            return session.Fail(failure);
        if (answer.IsOk && !answer.HasObject("policy"))
            return session.Fail(Bus.Incomplete(session, "policy"));
        CarriedCheckpoint carried = new(session, answer);
        if (session.Json)
            session.Terminal.Print(JsonPrinter.Print(carried.Shown) + "\n");
        else if (answer.IsOk)
            session.Terminal.Print(session.Placed(StatusReport.Describe(answer, session.TryLoadSchema(out var schema, out _) ? schema : null, session.Terminal.OutputPaint, session.Now))!);
        if (answer.IsOk)
            return carried.TryAccept(out failure) ? (int)ExitCode.Done : session.Fail(failure);
        RefusalReport.Show(session, answer, null);
        return (int)ExitCode.Refused;
    }
}
