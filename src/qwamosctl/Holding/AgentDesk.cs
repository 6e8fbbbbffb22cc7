using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Qwamos.Client.Unlocking;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Holding;

/// <summary>
/// Where the person sits at an agent's terminal: is asked about what the agent does not sign by itself, and types the passphrase when it is locked. A job in
/// the background asks nobody.
/// </summary>
internal sealed class AgentDesk(Session session, OperatorTerminal terminal, KeyHome home, KeyId id) : IDisposable
{
    private IDisposable? hidden;
    private bool isAsking;

    public int Descriptor => terminal.Descriptor;

    /// <summary>Whether what is typed is waited for now.</summary>
    public bool IsListening => (isAsking || hidden is not null) && terminal.IsForeground;

    public bool CanAsk => terminal.IsForeground;

    public bool IsGone => terminal.IsGone;

    /// <summary>Before waiting: asks for the passphrase while the agent is locked, and for nothing else than what is open.</summary>
    public void Show(bool isLocked, bool hasQuestion)
    {
        var wants = isLocked && !hasQuestion && terminal.IsForeground;
        if (wants && hidden is null)
            hidden = terminal.HideTyping(Prompt);
        else if (!wants && hidden is not null)
            EndHiding();
    }

    /// <summary>Asks; false when nobody can be asked.</summary>
    public bool TryAsk(int pid, Judgement judgement)
    {
        if (!terminal.IsForeground)
            return false;
        EndHiding();
        var details = string.Concat(judgement.Details.Select(line => $"  {line}\n"));
        // What was typed before it was asked is no answer.
        terminal.ForgetTyped();
        terminal.Write(string.Create(CultureInfo.InvariantCulture, $"\nSign this, for process {pid}{Program(pid)}? It asks, for {SafeText.ForTerminal(judgement.Reason)}.\n{details}Type yes within {Limits.AgentQuestionSeconds} s: "));
        isAsking = true;
        return true;
    }

    public bool ReadYes()
    {
        using SecretBytes line = new(Limits.MaxPassphraseBytes + 2);
        return terminal.TryReadLine(line) && line.Bytes.TrimEnd("\r\n"u8).SequenceEqual("yes"u8);
    }

    /// <param name="no">Why it is not signed; null when it is.</param>
    public void EndAsking(string? no)
    {
        isAsking = false;
        terminal.Write(no is null ? "" : $"\nNot signed: {SafeText.ForTerminal(no)}.\n");
    }

    /// <summary>Reads a passphrase; the key is null when it was not the right one. False when the end of input was typed.</summary>
    public bool TryReadKey(out SigningKey? opened)
    {
        opened = null;
        using SecretBytes line = new(Limits.MaxPassphraseBytes + 2);
        var isRead = terminal.TryReadLine(line);
        EndHiding();
        if (isRead && PassphraseSource.FirstLine(line, out _) is not null && !TryOpen(line, out opened, out var failure))
            session.Terminal.Complain(failure.Reason, failure.Mend);
        return isRead;
    }

    /// <summary>From the file as it is now: its passphrase may be another one since the agent began.</summary>
    private bool TryOpen(SecretBytes passphrase, out SigningKey? opened, out Failure failure)
    {
        opened = null;
        if (!home.TryOpen(out var stored, out var fault))
        {
            failure = new Failure(ExitCode.KeyProblem, fault);
            return false;
        }
        using (stored)
        {
            if (stored.Protected is { } key && key.Id == id)
                return ProtectedSigner.TryOpen(home.PrivateKeyFile, key, passphrase, out opened, out failure);
            failure = new Failure(ExitCode.KeyProblem, $"{home.PrivateKeyFile} is not the protected key any more that the agent began with", "End the agent, and start it anew");
            return false;
        }
    }

    public void Dispose()
    {
        EndHiding();
        terminal.Dispose();
    }

    private string Prompt => $"Locked. Passphrase of {SafeText.ForTerminal(home.PrivateKeyFile)}: ";

    private void EndHiding()
    {
        if (hidden is null)
            return;
        hidden.Dispose();
        hidden = null;
        terminal.Write("\n");
    }

    private static string Program(int pid)
    {
        try
        {
            return $" ({SafeText.ForTerminal(File.ReadAllText($"/proc/{pid}/comm").Trim())})";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
