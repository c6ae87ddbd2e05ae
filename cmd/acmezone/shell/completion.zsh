#compdef acmezone
# Completion of acmezone for zsh, printed by 'acmezone completion zsh'.
_acmezone() {
	local at= skip= files= word i
	local -a commands flags
	for ((i = 2; i < CURRENT; i++)); do
		word=$words[i]
		if [[ -n $skip ]]; then
			skip=
			continue
		fi
		case $word in
		{{join .ValueFlags "|"}}) skip=$word ;;
		-*) ;;
		*)
			case "$at $word" in
{{- range .Places}}{{if .Words}}
			{{quoted (print " " .Words)}}) at="$at $word" ;;{{end}}{{end}}
			esac
			;;
		esac
	done
	if [[ -n $skip ]]; then
		case $skip in
		{{join .FileFlags "|"}}) _files ;;
		esac
		return
	fi
	case $at in
{{- range .Places}}
	{{if .Words}}{{quoted (print " " .Words)}}{{else}}''{{end}})
		commands=({{range .Below}}
			{{quoted (print .Name ":" .Usage)}}{{end}}
		)
		flags=({{range .Flags}}
			{{quoted (print "--" .Name ":" (plain .Usage))}}{{end}}
		)
		{{- if .TakesFile}}
		files=1{{end}}
		;;
{{- end}}
	esac
	if [[ $PREFIX == -* ]]; then
		_describe -o flag flags
	elif (( $#commands )); then
		_describe command commands
	elif [[ -n $files ]]; then
		_files
	fi
}
if [[ $funcstack[1] == _acmezone ]]; then
	_acmezone "$@"
else
	compdef _acmezone acmezone
fi
