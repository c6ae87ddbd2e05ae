#!/bin/sh
# Builds two versions of the Debian package, has lintian and shellcheck read them, and
# installs, upgrades, removes and purges them in a throw-away copy of this machine: an
# overlay over its file system, with processes and a network of its own. Run as root.
set -eu
cd "$(dirname "$0")/../.."

if [ "$(id -u)" != 0 ]; then
	echo "make package-test: mounting and installing takes root: type 'sudo make package-test'" >&2
	exit 1
fi

work=$(mktemp -d)
group=
# Systemd leaves groups within; what was in them has ended with the namespace.
trap '[ -z "$group" ] || find "$group" -depth -type d -exec rmdir {} +; rm -rf "$work"' EXIT

echo "== versions"
packaging/test/versions.sh
echo "== scripts"
shellcheck -x packaging/*.sh packaging/test/*.sh packaging/debian/postinst packaging/debian/prerm packaging/debian/postrm

echo "== packages"
build() {
	VERSION=$1 packaging/build.sh host "$work/$1/acmezone"
	VERSION=$1 packaging/deb.sh "$(${GO:-go} env GOHOSTARCH)" "$work/$1/acmezone" "$work/$1/acmezone" "$work"
}
# The upgrade is one that goes by the order of a release candidate and its release.
build v98.0.0-rc.1 &
build v98.0.0
wait $!
lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$work"/acmezone_98.0.0-1_*.deb

mkdir "$work/layers" "$work/shared"
mv "$work"/*.deb "$work/shared"
cp packaging/test/*.sh "$work/shared"

# A control group of its own, since a systemd wants one.
groups=$(findmnt -nr -t cgroup2 -o TARGET | head -n 1)
group=$groups/package-test.$$
mkdir "$group"
copy() {
	# shellcheck disable=SC2016 # the inner shell's
	sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" \
		unshare --mount --net --ipc --uts --cgroup --pid --fork --kill-child --propagation private \
		sh packaging/test/overlay.sh "$work/layers" "$work/shared" "$@"
}

echo "== without systemd"
copy sh /opt/package-test/without-systemd.sh
echo "== with systemd"
copy sh /opt/package-test/boot.sh >"$work/boot.log" 2>&1 || true
cat "$work/shared/log" || cat "$work/boot.log" >&2
[ "$(cat "$work/shared/result")" = success ]
