# Completion of acmezone for fish, printed by 'acmezone completion fish'.
function __acmezone_at --description 'whether the words so far lead to that command'
	set -l words (commandline -opc)
	set -e words[1]
	set -l at ''
	set -l skip ''
	for word in $words
		if test -n "$skip"
			set skip ''
		else if contains -- $word {{join .ValueFlags " "}}
			set skip $word
		else if not string match -q -- '-*' $word
			if contains -- "$at $word"{{range .Places}}{{if .Words}} {{quoted (print " " .Words)}}{{end}}{{end}}
				set at "$at $word"
			end
		end
	end
	test "$at" = "$argv[1]"
end
complete -c acmezone -f
{{- range $place := .Places}}
{{- $at := ""}}{{if .Words}}{{$at = print " " .Words}}{{end}}
{{- $when := quoted (print "__acmezone_at '" $at "'")}}
{{- range .Below}}
complete -c acmezone -n {{$when}} -a {{.Name}} -d {{quoted .Usage}}
{{- end}}
{{- range .Flags}}
complete -c acmezone -n {{$when}} -l {{.Name}}{{if .TakesFile}} -rF{{else if .Value}} -x{{end}} -d {{quoted (plain .Usage)}}
{{- end}}
{{- if .TakesFile}}
complete -c acmezone -n {{$when}} -F
{{- end}}
{{- end}}
