#!/bin/sh
# Holds packaging/version.sh to its examples, and those to Debian's order.
set -eu
cd "$(dirname "$0")/../.."

time=1789000000
before=
while read -r described expected; do
	got=$(packaging/version.sh "$described" $time)
	if [ "$got" != "$expected" ]; then
		echo "version.sh $described: $got instead of $expected" >&2
		exit 1
	fi
	if [ -n "$before" ] && ! dpkg --compare-versions "$before-1" lt "$got-1"; then
		echo "$before doesn't come before $got" >&2
		exit 1
	fi
	before=$got
done <<'END'
25843049bb26 0~20260910002640.g25843049bb26
25843049bb26-dirty 0~20260910002640.g25843049bb26+dirty
v0.9.0 0.9.0
v1.0.0-beta 1.0.0~beta
v1.0.0-rc.1 1.0.0~rc.1
v1.0.0-rc.1-4-g25843049bb26 1.0.0~rc.1+4.g25843049bb26
v1.0.0-rc.2 1.0.0~rc.2
v1.0.0 1.0.0
v1.0.0-dirty 1.0.0+dirty
v1.0.1 1.0.1
v1.0.1-12-g25843049bb26 1.0.1+12.g25843049bb26
v1.0.1-12-g25843049bb26-dirty 1.0.1+12.g25843049bb26+dirty
v1.0.2 1.0.2
END
