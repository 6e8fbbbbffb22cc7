namespace Qwamos.Client.Completing;

/// <summary>
/// The completion scripts. They hold no key and no value: each asks <c>qwamosctl __complete</c>, which reads the schema, so they never
/// grow stale.
/// </summary>
internal static class ShellScripts
{
    private const string Bash = """
        # bash completion for qwamosctl: source <(qwamosctl completion bash)
        _qwamosctl() {
            local IFS=$'\n'
            mapfile -t COMPREPLY < <(qwamosctl __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
        }
        complete -o default -F _qwamosctl qwamosctl

        """;

    private const string Zsh = """
        #compdef qwamosctl
        # zsh completion for qwamosctl: source <(qwamosctl completion zsh)
        _qwamosctl() {
            local -a candidates
            candidates=("${(@f)$(qwamosctl __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
            candidates=("${(@)candidates:#}")
            if (( $#candidates )); then compadd -- "${candidates[@]}"; else _files; fi
        }
        if [ "${funcstack[1]}" = _qwamosctl ]; then _qwamosctl "$@"; else compdef _qwamosctl qwamosctl; fi

        """;

    private const string Fish = """
        # fish completion for qwamosctl: qwamosctl completion fish | source
        function __qwamosctl_complete
            set -l words (commandline -opc) (commandline -ct)
            set -l candidates (qwamosctl __complete $words[2..-1] 2>/dev/null)
            if set -q candidates[1]
                printf '%s\n' $candidates
            else
                __fish_complete_path $words[-1]
            end
        end
        complete -c qwamosctl -f -a '(__qwamosctl_complete)'

        """;

    public static string? For(string shell) => shell switch
    {
        "bash" => Bash,
        "zsh" => Zsh,
        "fish" => Fish,
        _ => null,
    };
}
