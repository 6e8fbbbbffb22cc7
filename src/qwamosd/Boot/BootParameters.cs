using Qwamos.ControlBus.Files;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// What somebody at the boot loader asked for. They stand on the kernel command line, which is the boot loader's to write: whoever can do that
/// can start another system altogether.
/// </summary>
/// <param name="Skips">`qwamos.skip`: nothing is applied in this boot, counted or put back.</param>
/// <param name="Reverts">`qwamos.revert`: the last known good is put back now. It goes before the other.</param>
internal sealed record BootParameters(bool Skips, bool Reverts)
{
    public const string Skip = "qwamos.skip";
    public const string Revert = "qwamos.revert";

    /// <summary>The parameter that counts, or empty.</summary>
    public string Shown => Reverts ? Revert : Skips ? Skip : "";

    /// <summary>Reads them. What cannot be read asks for nothing, and is said.</summary>
    public static BootParameters Read(SystemPaths paths, BootReport report)
    {
        try
        {
            var words = KernelCommandLine.Words(paths);
            return new BootParameters(Asks(Skip, words, report), Asks(Revert, words, report));
        }
        catch (IOException e)
        {
            report.Warn($"the kernel command line cannot be read: {e.Message}");
            return new BootParameters(false, false);
        }
    }

    /// <summary>Bare, or with a truth value as systemd's own parameters take it; the last one counts.</summary>
    private static bool Asks(string name, string[] words, BootReport report)
    {
        var asks = false;
        foreach (var word in words)
        {
            var (key, value) = word.Split('=', 2) is [var before, var after] ? (before, after) : (word, "1");
            if (key != name) continue;
            if (value is "1" or "yes" or "true" or "on") asks = true;
            else if (value is "0" or "no" or "false" or "off") asks = false;
            else report.Warn($"{word} on the kernel command line is not understood, and asks for nothing: write {name}");
        }
        return asks;
    }
}
