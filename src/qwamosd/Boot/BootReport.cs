using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// What the boot says, one plain line each on standard error, thus in the journal. Everything passes through the escaping: names and
/// values come from files that others can write (ATTACK 21).
/// </summary>
/// <param name="output">Where to.</param>
/// <param name="isJournal">That is the journal, which takes a line's priority from what it begins with (sd-daemon(3)).</param>
internal sealed class BootReport(TextWriter output, bool isJournal = false)
{
    private const string WarningPrefix = "<4>";
    private const string InformationPrefix = "<6>";

    private readonly List<string> said = [];

    /// <summary>All of it, oldest first.</summary>
    public IReadOnlyList<string> Said => said;

    /// <summary>What happened.</summary>
    public void Say(string line) => Write(line, InformationPrefix);

    /// <summary>What needs a person: a warning in the journal.</summary>
    public void Warn(string line) => Write(line, WarningPrefix);

    /// <summary>What became of a value.</summary>
    public void Tell(string shown, Observation seen) =>
        Write($"{shown}: {seen.Result ?? BootResult.FailedPrefix.TrimEnd(' ', ':')}{(seen.Detail.Length > 0 ? ": " : "")}{seen.Detail}", seen.Result is null ? WarningPrefix : InformationPrefix);

    private void Write(string line, string prefix)
    {
        var safe = SafeText.ForTerminal(line);
        said.Add(safe);
        output.WriteLine(isJournal ? prefix + safe : safe);
    }
}
