
# Names of peers, and of messages: what the daemons tell, or the directories, within half a second.
_loncctl_names() {
    local word before='' i=1 words=() config=()
    _loncctl "$@"
    while [ "$i" -lt "$COMP_CWORD" ]; do
        word=${COMP_WORDS[i]}
        case $word in
            --config) i=$((i + 1)); config=(--config "${COMP_WORDS[i]}") ;;
            -*) ;;
            *) words+=("$word") ;;
        esac
        before=${COMP_WORDS[i]}
        i=$((i + 1))
    done
    word=${COMP_WORDS[COMP_CWORD]}
    case $word in -*) return ;; esac
    local asked=() column='$1'
    case "${words[0]} ${words[1]}" in
        'spool list'*) asked=(status) ;;
        'spool '*)
            if [ "${#words[@]}" -le 2 ]; then
                [ "${#words[@]}" -eq 2 ] && asked=(status)
            else
                asked=(spool list "${words[2]}") column='$NF'
            fi
            ;;
        'status '* | 'ping '* | 'disable '* | 'enable '* | 'reconnect '* | 'reload '* | 'metrics '* | \
            'takeover '* | 'giveback '*)
            asked=(status)
            ;;
        'why '* | 'clients '* | 'check '* | 'send '* | 'log-level '*)
            [ "${#words[@]}" -eq 1 ] && asked=(status)
            ;;
    esac
    [ "${#asked[@]}" -gt 0 ] || return
    local names
    names=$(timeout 1 "${COMP_WORDS[0]}" "${config[@]}" "${asked[@]}" --timeout 500ms 2>/dev/null </dev/null |
        awk "NR > 1 { print $column }")
    COMPREPLY=($(compgen -W "$names" -- "$word"))
}
complete -F _loncctl_names -o bashdefault -o default loncctl
