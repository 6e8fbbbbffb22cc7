using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>The completion scripts in the shells they are for, asking the published client.</summary>
public sealed class CompletionTests : IDisposable
{
    private const string Bash = """
        source <(qwamosctl completion bash)
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        _qwamosctl
        printf '%s\n' "${COMPREPLY[@]}"
        """;

    // Outside of its line editor zsh has no compadd and no compdef: these print what the real ones would take.
    private const string Zsh = """
        compdef() { :; }
        compadd() { shift; print -l -- "$@"; }
        _files() { print files; }
        source <(qwamosctl completion zsh)
        words=("$@"); CURRENT=$#
        _qwamosctl
        """;

    private const string Fish = """
        qwamosctl completion fish | source
        complete -C "$argv"
        """;

    private readonly Trial _trial = new(enrolled: false);

    public void Dispose() => _trial.Dispose();

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    public void Shell_CompletesCommandsOptionsKeysAndValues(string shell)
    {
        Assert.Equal(["status"], Complete(shell, "st"));
        Assert.Equal(["--reveal"], Complete(shell, "status", "--rev"));
        Assert.Equal(["RADIO_IDLE_TIMEOUT_MIN", "RADIO_ISOLATION"], Complete(shell, "set", "RADIO_I"));
        Assert.Equal(["mandatory"], Complete(shell, "set", "TOR_ISOLATION", "m"));
        Assert.Equal(["true"], Complete(shell, "--root", _trial.Root, "set", "DURESS.enabled", "t"));
        Assert.Equal(["export"], Complete(shell, "audit", "ex"));
    }

    [Fact]
    public void Fish_OffersFilesWhereTheProgramHasNothingToOffer()
    {
        _trial.Write("/policy.json", "{}");
        Assert.Equal([_trial.At("/policy.json")], Complete("fish", "apply", _trial.At("/pol")));
        Assert.Equal([_trial.At("/policy.json")], Complete("fish", "audit", "verify", _trial.At("/pol")));
    }

    private static string[] Complete(string shell, params string[] words)
    {
        Needs.Tool(shell);
        string[] command = shell switch
        {
            "bash" => ["bash", "--norc", "-c", Bash, "bash", "qwamosctl", .. words],
            "zsh" => ["zsh", "-f", "-c", Zsh, "zsh", "qwamosctl", .. words],
            _ => ["fish", "-N", "-c", Fish, "qwamosctl " + string.Join(' ', words)],
        };
        string path = Path.GetDirectoryName(Binaries.Client) + ":" + Environment.GetEnvironmentVariable("PATH");
        CommandResult result = Command.Run(command, environment: new Dictionary<string, string?> { ["PATH"] = path });
        return [.. result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Trim()).Order(StringComparer.Ordinal)];
    }
}
