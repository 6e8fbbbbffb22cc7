# bash completion for qwamosctl: source <(qwamosctl completion bash)
_qwamosctl() {
    local IFS=$'\n'
    mapfile -t COMPREPLY < <(qwamosctl __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _qwamosctl qwamosctl
