#!/bin/sh
# Prints the Debian version of what 'git describe' calls DESCRIPTION. Usage:
# version.sh DESCRIPTION COMMITTIME. In Debian's order a tilde comes before the end, so
#   v1.2.3-rc.1 < v1.2.3-rc.1-4-gabc < v1.2.3 < v1.2.3-4-gabc < v1.2.4
# and a commit before any tag goes by its time.
set -eu

described=$1
time=$2

dirty=
case $described in
*-dirty) dirty=+dirty described=${described%-dirty} ;;
esac

since=
case $described in
*-[0-9]*-g[0-9a-f]*)
	hash=${described##*-g}
	count=${described%-g*}
	since=+${count##*-}.g$hash
	described=${described%-*-g*}
	;;
esac

case $described in
v[0-9]*-*) version=${described%%-*}~${described#*-} ;;
v[0-9]*) version=$described ;;
*) version=v0~$(date -u -d "@$time" +%Y%m%d%H%M%S).g$described since= ;;
esac

# A hyphen would begin the package's own revision.
printf '%s\n' "${version#v}$since$dirty" | tr - .
