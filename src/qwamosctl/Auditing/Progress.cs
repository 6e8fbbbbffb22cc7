using System.Globalization;
using Qwamos.Client.Showing;

namespace Qwamos.Client.Auditing;

/// <summary>A line on the terminal's standard error that is written over; nothing where that is no terminal.</summary>
internal sealed class Progress(Terminal terminal, string what)
{
    private const int BarWidth = 30;
    private const string EraseLine = "\r\u001b[K";

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private long _shown;
    private bool _isShown;

    public void Show(long done, long all)
    {
        if (!terminal.ErrorIsTerminal || all == 0 || (_isShown && terminal.Clock.GetElapsedTime(_shown) < Pause))
            return;
        _shown = terminal.Clock.GetTimestamp();
        _isShown = true;
        var filled = (int)(done * BarWidth / all);
        terminal.NotePart(string.Create(
            CultureInfo.InvariantCulture, $"{EraseLine}{what} [{new string('#', filled)}{new string('.', BarWidth - filled)}] {done} of {all}"));
    }

    public void End()
    {
        if (_isShown)
            terminal.NotePart(EraseLine);
    }
}
