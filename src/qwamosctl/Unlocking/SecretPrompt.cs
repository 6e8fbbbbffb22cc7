using System.Text;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;

namespace Qwamos.Client.Unlocking;

/// <summary>Asks for a passphrase at the terminal, though standard input or output be a pipe.</summary>
internal static class SecretPrompt
{
    /// <summary>Null when nobody sits there. An empty one is one.</summary>
    public static SecretBytes? Ask(string question)
    {
        // A program started with neither is a script's, which must not wait for whoever sits at the terminal that it came from.
        if (!StandardStream.Input.IsTerminal && !StandardStream.Error.IsTerminal)
            return null;
        using var terminal = OperatorTerminal.TryOpen();
        if (terminal is null)
            return null;
        SecretBytes line = new(Limits.MaxPassphraseBytes + 2);
        using (terminal.HideTyping(question))
        {
            if (!terminal.TryReadLine(line))
            {
                line.Dispose();
                terminal.Write("\n");
                return null;
            }
        }
        terminal.Write("\n");
        return line;
    }
}
