using System.Text;
using Qwamos.Client.Showing;
using Qwamos.ControlBus.Files;

namespace Qwamos.Client.Checking;

/// <summary>Findings for a person: a line each, the mend below what needs one.</summary>
internal static class FindingText
{
    private const int StateWidth = 8;

    public static void Append(StringBuilder text, IReadOnlyList<Finding> findings, Paint paint)
    {
        var width = findings.Select(finding => finding.Area.Length).DefaultIfEmpty(0).Max() + 2;
        foreach (var finding in findings)
        {
            text.Append(Colour(finding, paint)).Append(finding.Area.PadRight(width)).Append(SafeText.ForTerminal(finding.What)).Append('\n');
            if (finding.Mend is not null)
                text.Append(' ', StateWidth + width).Append(paint.Faint("-> ")).Append(SafeText.ForTerminal(finding.Mend)).Append('\n');
        }
    }

    private static string Colour(Finding finding, Paint paint)
    {
        var name = finding.StateName.PadRight(StateWidth);
        return finding.State switch
        {
            CheckState.Good => paint.Good(name),
            CheckState.Doubtful => paint.Waiting(name),
            CheckState.Bad => paint.Bad(name),
            _ => paint.Faint(name),
        };
    }
}
