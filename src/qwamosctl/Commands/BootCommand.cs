using System.CommandLine;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Commands;

/// <summary>
/// <c>qwamosctl boot status</c>: what root's programs left about this boot. It is read from their files, for it is wanted most when the daemon does not
/// run; the daemon is asked only for what is staged.
/// </summary>
internal static class BootCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Command status = new("status", "Show whether this boot is complete, what is on trial, the last known good, and what was put back");
        status.SetAction(parse => shared.Run(parse, terminal, Status));
        return new Command("boot", "The boot, and what it has on trial") { status };
    }

    private static int Status(Session session)
    {
        var boot = BootId.Read(session.Paths, out var fault);
        var run = boot is null ? null : BootRun.Read(session.Paths, boot, out fault);
        if (fault.Length > 0)
            return session.Fail(Unreadable(fault));
        // A boot that had nothing to tell left nothing: then what it remembers is all.
        if (run is null)
        {
            if (!new BootFolder(session.Paths).TryReadAssessment(out var assessment, out var why))
                return session.Fail(Unreadable(why));
            run = new BootRun { Boot = boot ?? "", Assessment = assessment };
        }
        var pending = StatusQuestion.TryAsk(session, out var answer, out _) && answer.IsOk && answer.Document.TryGet("pending", out var staged) && staged.Kind == JsonKind.Object ? staged : null;
        if (session.Json)
            session.Terminal.Print(JsonPrinter.Print(BootReport.ToJson(run, pending)) + "\n");
        else
            session.Terminal.Print(BootReport.Describe(run, pending, session.Terminal.OutputPaint));
        return (int)ExitCode.Done;
    }

    private static Failure Unreadable(string fault) =>
        new(ExitCode.Refused, fault, "This is for root and the group qwamos: sudo usermod -aG qwamos NAME, and log in again");
}
