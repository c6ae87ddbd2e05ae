#!/bin/sh
# Prints the licences of Go and of each module that is linked into PROGRAM, which they
# ask for wherever it is given away. Usage: thirdparty.sh PROGRAM
set -eu
cd "$(dirname "$0")/.."
. packaging/settings.sh

print_licences() {
	found=
	for file in "$2"/LICEN[CS]E* "$2"/COPYING* "$2"/NOTICE*; do
		[ -f "$file" ] || continue
		found=yes
		printf '\n==== %s: %s ====\n\n' "$1" "${file##*/}"
		cat "$file"
	done
	if [ -z "$found" ]; then
		echo "thirdparty.sh: $1 has no licence in $2: look for it, and have this script find it" >&2
		exit 1
	fi
}

echo "acmezone is one static binary. These are the licences of what is linked into it."
print_licences "$($GO env GOVERSION)" "$($GO env GOROOT)"
$GO version -m "$1" | awk '$1 == "dep" { print $2 "@" $3 }' | while read -r module; do
	print_licences "$module" "$($GO list -m -f '{{.Dir}}' "${module%@*}")"
done
