#!/bin/sh
# Builds the commit at hand twice, in clones at different places, with different umasks,
# time zones and languages, each with an empty build cache, and compares the files of
# the two releases byte by byte. Usage: release-check.sh ARCH...
set -eu
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
commit=$(git rev-parse HEAD)

clone() {
	git clone -q --no-checkout . "$1"
	git -C "$1" checkout -q --detach "$commit"
}

release() {
	clone "$1"
	# shellcheck disable=SC2086 # one argument each
	GOCACHE=$work/cache-$2 "$1/packaging/release.sh" $arches >/dev/null
	rm -rf "$work/cache-$2"
}

arches=$*
first=$work/first
second=$work/another/place/with/a/longer/name
mkdir -p "$work/another/place/with/a/longer"
(umask 022 && TZ=UTC LC_ALL=C release "$first" 1)
(umask 077 && TZ=Pacific/Auckland LC_ALL=C.UTF-8 USER=somebody release "$second" 2)

if ! diff -r "$first/dist/release" "$second/dist/release"; then
	echo "make release-check: two builds of $commit differ" >&2
	exit 1
fi
cat "$first/dist/release/SHA256SUMS"
echo "Two builds of $commit are the same, byte by byte."
