using System.Text;
using Qwamos.Client.Unlocking;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;

namespace Qwamos.Client.Showing;

/// <summary>
/// Standard output, error and input of one run. Writes UTF-8 bytes straight to the descriptors: the framework's console writers
/// load encodings and terminal descriptions, which costs more than the rest of a command. Tests give it streams of their own.
/// </summary>
internal sealed class Terminal
{
    private const int MaxAnswerBytes = 80;

    private readonly Stream output;
    private readonly Stream error;
    private readonly Func<Stream> openInput;
    private readonly bool inputIsTerminal;
    private readonly Func<string, SecretBytes?> askSecret;

    public Terminal(
        Stream output, Stream error, Func<Stream> openInput, TimeProvider clock, bool colour = false, bool inputIsTerminal = false, Func<string, SecretBytes?>? askSecret = null)
    {
        this.inputIsTerminal = inputIsTerminal;
        this.askSecret = askSecret ?? (_ => null);
        this.output = output;
        this.error = error;
        this.openInput = openInput;
        Clock = clock;
        OutputPaint = new Paint(colour);
        ErrorPaint = new Paint(colour);
    }

    private Terminal()
    {
        output = StandardStream.Output;
        error = StandardStream.Error;
        openInput = Console.OpenStandardInput;
        inputIsTerminal = StandardStream.Input.IsTerminal;
        askSecret = SecretPrompt.Ask;
        Clock = TimeProvider.System;
        var plain = WantsNoColour();
        OutputPaint = new Paint(!plain && StandardStream.Output.IsTerminal);
        ErrorPaint = new Paint(!plain && StandardStream.Error.IsTerminal);
        ErrorIsTerminal = StandardStream.Error.IsTerminal;
        OutputIsTerminal = StandardStream.Output.IsTerminal;
    }

    public TimeProvider Clock { get; }

    /// <summary>Colours for standard output; colours nothing unless that is a terminal.</summary>
    public Paint OutputPaint { get; }

    /// <summary>Colours for standard error; colours nothing unless that is a terminal.</summary>
    public Paint ErrorPaint { get; }

    /// <summary>Whether somebody looks at standard output while it is written.</summary>
    public bool OutputIsTerminal { get; }

    /// <summary>Whether somebody looks at standard error while it is written.</summary>
    public bool ErrorIsTerminal { get; }

    public static Terminal OfProcess() => new();

    /// <summary>Why standard output could not be written, or null. The first time counts.</summary>
    public string? OutputFault { get; private set; }

    /// <summary>Writes text to standard output in one write. What others sent must already be escaped.</summary>
    public void Print(string text) => OutputFault ??= Write(output, text);

    /// <summary>Writes one line to standard error.</summary>
    public void Note(string line) => _ = Write(error, line + "\n");

    /// <summary>Writes to standard error without ending the line: progress.</summary>
    public void NotePart(string text) => _ = Write(error, text);

    /// <summary>Says what went wrong and how to mend it, on standard error. Escapes everything: much of it comes from others.</summary>
    public void Complain(string reason, string? mend = null, IReadOnlyList<Fault>? faults = null)
    {
        StringBuilder text = new();
        text.Append(ErrorPaint.Bad("qwamosctl:")).Append(' ').Append(Sentence(reason)).Append('\n');
        foreach (var (key, why) in faults ?? [])
            text.Append("  ").Append(SafeText.ForTerminal(key.Length == 0 ? why : $"{key}: {why}")).Append('\n');
        if (mend is not null)
            text.Append("  ").Append(SafeText.ForTerminal(mend)).Append('\n');
        _ = Write(error, text.ToString());
    }

    public Stream OpenInput() => openInput();

    /// <summary>Whether somebody sits there to be asked.</summary>
    public bool HasPerson => inputIsTerminal;

    /// <summary>
    /// Asks for a passphrase, which is not shown while it is typed. Null, and nothing is asked, when nobody sits there; the caller disposes of it.
    /// </summary>
    public SecretBytes? AskSecret(string question) => askSecret(question);

    /// <summary>Asks a question; true when the answer is yes. Null, and nothing is asked, when nobody sits there.</summary>
    public bool? Confirm(string question)
    {
        if (!inputIsTerminal)
            return null;
        NotePart(question);
        using var input = openInput();
        var answer = new byte[MaxAnswerBytes];
        var length = 0;
        while (length < answer.Length && input.Read(answer, length, 1) == 1 && answer[length] != (byte)'\n')
            length++;
        return Encoding.UTF8.GetString(answer, 0, length).Trim() == "yes";
    }

    private static string Sentence(string text)
    {
        var safe = SafeText.ForTerminal(text);
        return safe.EndsWith('.') || safe.EndsWith('?') || safe.EndsWith(':') ? safe : safe + ".";
    }

    private static bool WantsNoColour() =>
        !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
        || Environment.GetEnvironmentVariable("TERM") is null or "" or "dumb";

    private static string? Write(Stream stream, string text)
    {
        try
        {
            stream.Write(Encoding.UTF8.GetBytes(text));
            stream.Flush();
            return null;
        }
        catch (IOException fault)
        {
            return fault.Message;
        }
    }
}
