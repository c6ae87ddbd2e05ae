# Completion of acmezone for bash, printed by 'acmezone completion bash'.
_acmezone() {
	local cur=${COMP_WORDS[COMP_CWORD]} at= skip= words= flags= files= word i
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $skip ]]; then # a flag's value; bash makes a word of the = before it
			[[ $word == = ]] || skip=
			continue
		fi
		case $word in
		{{join .ValueFlags " | "}}) skip=$word ;;
		-*) ;;
		*)
			case "$at $word" in
{{- range .Places}}{{if .Words}}
			{{quoted (print " " .Words)}}) at="$at $word" ;;{{end}}{{end}}
			esac
			;;
		esac
	done
	[[ $cur == = ]] && cur=
	if [[ $skip ]]; then
		case $skip in
		{{join .FileFlags " | "}}) files=1 ;;
		esac
	else
		case $at in
{{- range .Places}}
		{{if .Words}}{{quoted (print " " .Words)}}{{else}}''{{end}})
			words='{{range .Below}}{{.Name}} {{end}}'
			flags='{{range .Flags}}--{{.Name}} {{end}}'
			{{- if .TakesFile}}
			files=1{{end}}
			;;
{{- end}}
		esac
		[[ $cur == -* ]] && words=$flags files=
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	if [[ $files ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}
complete -F _acmezone acmezone
