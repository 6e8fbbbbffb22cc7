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
