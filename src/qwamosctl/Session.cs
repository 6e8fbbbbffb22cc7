using Qwamos.Client.Showing;
using Qwamos.Client.Unlocking;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client;

/// <summary>What one run of the program was told: where things are, and how to speak.</summary>
internal sealed record Session(Terminal Terminal, SystemPaths Paths, string? Home, string SocketPath, bool Json)
{
    /// <summary>Where the private key's passphrase is, where it was said.</summary>
    public PassphraseSource? Passphrase { get; init; }

    /// <summary>The folder of the operator's keys.</summary>
    public string KeyHomeDirectory => Home ?? KeyHome.DefaultDirectory;

    /// <summary>Begins a command that other people give, in a sentence before it is <see cref="Placed"/>: their key home and their passphrase are their own.</summary>
    public const string Theirs = "their-qwamosctl ";

    private const string Program = "qwamosctl ";
    private const string Mark = "\0";
    private const string Daemon = "qwamosd";
    private const string PassphraseFile = "--passphrase-file";

    public int Fail(Failure failure) => (failure with { Mend = Placed(failure.Mend) }).Report(Terminal, Json);

    /// <summary>Unix seconds by this machine's clock.</summary>
    public long Now => Terminal.Clock.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>A sentence in which each command of this program has the places that this run was told of, so that it works as it stands.</summary>
    public string? Placed(string? sentence) => sentence?.Replace(Theirs, Mark, StringComparison.Ordinal)
        .Replace(Program, Command($"{Option("--home", Home)}{SocketOption}{(sentence.Contains(PassphraseFile, StringComparison.Ordinal) ? "" : Option(PassphraseFile, Passphrase?.File))}"), StringComparison.Ordinal)
        .Replace(Mark, Command(SocketOption), StringComparison.Ordinal);

    /// <summary>What starts the daemon, as root where it is the system's.</summary>
    public string StartDaemon => AsRoot + ProposedCommand.Start(Paths, Daemon);

    /// <summary>What has the daemon read its files anew.</summary>
    public string RestartDaemon => AsRoot + ProposedCommand.Restart(Paths, Daemon);

    /// <summary>The same of its courier, too, which the system restarts with it.</summary>
    public string RestartDaemons => Paths.IsTrial ? $"{RestartDaemon}; the same with {ProposedCommand.Of(Paths, Daemon, "courier")}" : RestartDaemon;

    /// <summary>What ends the daemon.</summary>
    public string StopDaemon => AsRoot + ProposedCommand.Stop(Paths, Daemon);

    /// <summary>Where the daemon says what it does.</summary>
    public string DaemonLog => ProposedCommand.Log(Paths, Daemon);

    private string SocketOption => Option("--socket", SocketPath == Paths.BusSocket ? null : SocketPath);

    private string Command(string options) => ProposedCommand.Of(Paths, Program.TrimEnd(), options.TrimEnd()).TrimEnd() + " ";

    private static string Option(string name, string? value) => value is null ? "" : $"{name} {SafePath.Quote(value)} ";

    /// <summary>Begins a command that only root may give.</summary>
    public string AsRoot => Paths.IsTrial ? "" : "sudo ";

    /// <summary>This system's schema, or the built-in one.</summary>
    public bool TryLoadSchema(out PolicySchema schema, out Failure failure)
    {
        failure = null!;
        if (PolicySchema.TryLoadFor(Paths, out schema!, out var fault))
            return true;
        failure = new Failure(ExitCode.Refused, fault);
        return false;
    }
}
