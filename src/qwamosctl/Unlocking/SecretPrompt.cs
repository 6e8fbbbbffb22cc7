using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;

namespace Qwamos.Client.Unlocking;

/// <summary>Asks for a passphrase at the terminal, though standard input or output be a pipe.</summary>
internal static class SecretPrompt
{
    /// <summary>Null when nobody sits there. An empty one is one.</summary>
    public static SecretBytes? Ask(string question)
    {
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
