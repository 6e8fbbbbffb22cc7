using System.Globalization;

namespace Qwamos.Daemon.Checking;

/// <summary>How far a long check is: one line of a terminal, written over again, and removed at the end.</summary>
internal sealed class ProgressLine(TextWriter terminal) : IDisposable
{
    private int _length;

    public void Show(long done, long all)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"{done} of {all} entries");
        terminal.Write("\r" + line.PadRight(_length));
        _length = line.Length;
    }

    public void Dispose()
    {
        if (_length > 0)
            terminal.Write("\r" + new string(' ', _length) + "\r");
        _length = 0;
    }
}
