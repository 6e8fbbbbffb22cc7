using System.CommandLine;
using System.Text;
using Qwamos.Client.Checking;
using Qwamos.Client.Showing;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl health</c>: for probes. One line and exit status 0 while the daemon answers and nothing is wrong with it.</summary>
internal static class HealthCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Command command = new("health", "Say in one line whether the daemon is well, for a probe; needs no key");
        command.SetAction(parse => shared.Run(parse, terminal, Run));
        return command;
    }

    private static int Run(Session session)
    {
        var findings = DaemonChecks.Run(session, out _, out var failure);
        if (failure is not null)
            return session.Fail(failure);
        findings = [.. findings.Concat(BootFindings.Run(session)).Select(finding => finding.Placed(session))];
        var wrong = findings.Where(finding => finding.State is CheckState.Bad or CheckState.Doubtful).OrderByDescending(finding => finding.State).ToList();
        var isHealthy = wrong.All(finding => finding.State != CheckState.Bad);
        if (session.Json)
            session.Terminal.Print(JsonPrinter.Print(JsonValue.Object(
            [
                ("status", JsonValue.Of(isHealthy ? "ok" : "error")),
                ("findings", JsonValue.Array(findings.Select(finding => finding.ToJson()))),
            ])) + "\n");
        else
            session.Terminal.Print(Text(isHealthy, wrong));
        return (int)(isHealthy ? ExitCode.Done : ExitCode.Refused);
    }

    private static string Text(bool isHealthy, List<Finding> wrong)
    {
        StringBuilder text = new(isHealthy ? "healthy" : "not healthy");
        foreach (var finding in wrong)
            text.Append("; ").Append(finding.Area).Append(' ').Append(ControlBus.Files.SafeText.ForTerminal(finding.What));
        return text.Append('\n').ToString();
    }
}
