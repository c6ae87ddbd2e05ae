#!/bin/sh
# Packs the program with what belongs to it, for machines without dpkg. Usage:
# archive.sh ARCH PROGRAM HOSTPROGRAM FOLDER
set -eu
cd "$(dirname "$0")/.."
. packaging/settings.sh

name=acmezone-${VERSION#v}-linux-$1
program=$2
here=$3
folder=$4
work=$(dirname "$program")/archive
top=$work/$name

rm -rf "$work"
mkdir -p "$top/completions" "$folder"
install -m 0755 "$program" "$top/acmezone"
install -m 0644 README.md CHANGELOG.md LICENSE "$top"
"$here" man >"$top/acmezone.1"
"$here" completion bash >"$top/completions/acmezone"
"$here" completion zsh >"$top/completions/_acmezone"
"$here" completion fish >"$top/completions/acmezone.fish"
packaging/thirdparty.sh "$program" >"$top/third-party.txt"
git ls-files examples | while read -r example; do
	mode=0644
	[ ! -x "$example" ] || mode=0755
	install -D -m "$mode" "$example" "$top/$example"
done

# Names in a fixed order, one time, no user of this machine.
tar -C "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
	--format=ustar -cf - "$name" | gzip -9n >"$folder/$name.tar.gz"
echo "$folder/$name.tar.gz"
