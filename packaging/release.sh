#!/bin/sh
# Makes the files of a release in dist/release. Usage: release.sh ARCH...
set -eu
cd "$(dirname "$0")/.."
. packaging/settings.sh

# What isn't committed could never be built again.
if [ -n "$(git status --porcelain)" ]; then
	echo "make release: these files aren't committed; a release is made of a commit:" >&2
	git status --short >&2
	exit 1
fi

out=dist/release
rm -rf "$out"
here=dist/build/host/acmezone
packaging/build.sh host "$here"
for arch in "$@"; do
	program=dist/build/$arch/acmezone
	packaging/build.sh "$arch" "$program"
	packaging/archive.sh "$arch" "$program" "$here" "$out"
	packaging/deb.sh "$arch" "$program" "$here" "$out"
	packaging/sbom.sh "$arch" "$program" "$out"
done
(cd "$out" && sha256sum -- * >SHA256SUMS)
echo "$out/SHA256SUMS"
