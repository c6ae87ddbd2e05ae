#!/bin/sh
# Writes what PROGRAM is made of, in CycloneDX's form. Usage:
# sbom.sh ARCH PROGRAM FOLDER. CYCLONEDX is the command that runs cyclonedx-gomod.
set -eu
cd "$(dirname "$0")/.."
. packaging/settings.sh

file=$3/acmezone-${VERSION#v}-linux-$1.cdx.json
: "${CYCLONEDX:?the command that runs cyclonedx-gomod}"

mkdir -p "$3"
# The binary itself says what is in it. A serial number and a time would be others in
# every build; the checksum of the binary, which is in there, identifies it better.
# shellcheck disable=SC2086 # a command and its arguments
env -u GOOS -u GOARCH $CYCLONEDX bin -json -licenses -std -noserial -notimestamp \
	-version "$VERSION" -output "$file" "$2" 2>"$2.sbom.log" || { cat "$2.sbom.log" >&2; exit 1; }
echo "$file"
