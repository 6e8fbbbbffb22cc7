using Qwamos.ControlBus.Files;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// What the boot says, one plain line each on standard error, thus in the journal. Everything passes through the escaping: names and
/// values come from files that others can write (ATTACK 21).
/// </summary>
internal sealed class BootReport(TextWriter output)
{
    private readonly List<string> said = [];

    /// <summary>All of it, oldest first.</summary>
    public IReadOnlyList<string> Said => said;

    public void Say(string line)
    {
        var safe = SafeText.ForTerminal(line);
        said.Add(safe);
        output.WriteLine(safe);
    }
}
