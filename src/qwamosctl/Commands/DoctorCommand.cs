using System.CommandLine;
using System.Text;
using Qwamos.Client.Checking;
using Qwamos.Client.Showing;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl doctor</c>: looks at everything that this user can see, and says how to mend what is wrong. Changes nothing.</summary>
internal static class DoctorCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Option<bool> checklist = new("--checklist") { Description = "Walk the phases development, integration, production and hardening" };
        Command command = new("doctor", "Look for what is wrong with keys, files, units, clocks and the daemon, and say how to mend it") { checklist };
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse.GetValue(checklist))));
        return command;
    }

    private static int Run(Session session, bool asChecklist)
    {
        var findings = Doctor.Examine(session, out var status);
        var isSound = findings.All(finding => finding.State != CheckState.Bad);
        List<(string Phase, IReadOnlyList<Finding> Items)> phases =
            [.. (asChecklist ? Checklist.Of(findings, status) : [("", findings)]).Select(phase => (phase.Phase, (IReadOnlyList<Finding>)[.. phase.Items.Select(item => item.Placed(session))]))];
        if (session.Json)
            session.Terminal.Print(JsonPrinter.Print(JsonValue.Object(
            [
                ("status", JsonValue.Of(isSound ? "ok" : "error")),
                .. phases.Select(phase => (asChecklist ? phase.Phase : "findings", JsonValue.Array(phase.Items.Select(item => item.ToJson())))),
            ])) + "\n");
        else
            session.Terminal.Print(Text(phases, findings, session.Terminal.OutputPaint));
        return (int)(isSound ? ExitCode.Done : ExitCode.Refused);
    }

    private static string Text(IReadOnlyList<(string Phase, IReadOnlyList<Finding> Items)> phases, List<Finding> findings, Paint paint)
    {
        StringBuilder text = new();
        foreach (var (phase, items) in phases)
        {
            if (phase.Length > 0)
                text.Append(phase).Append('\n');
            FindingText.Append(text, items, paint);
            text.Append('\n');
        }
        var bad = findings.Count(finding => finding.State == CheckState.Bad);
        var doubtful = findings.Count(finding => finding.State == CheckState.Doubtful);
        var unseen = findings.Count(finding => finding.State == CheckState.NotSeen);
        return text.Append($"{bad} bad, {doubtful} to look at, {unseen} not seen, {findings.Count - bad - doubtful - unseen} good\n").ToString();
    }
}
