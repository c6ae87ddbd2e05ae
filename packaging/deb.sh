#!/bin/sh
# Builds the Debian package. Usage: deb.sh ARCH PROGRAM HOSTPROGRAM FOLDER; it is put
# into FOLDER. NFPM is the command that runs nfpm.
set -eu
cd "$(dirname "$0")/.."
. packaging/settings.sh

arch=$1
program=$2
here=$3
folder=$4
: "${NFPM:?the command that runs nfpm}" "${MAINTAINER:?who makes this package}"

case $arch in
armv7) NFPM_ARCH=arm7 ;;
*) NFPM_ARCH=$arch ;;
esac
case $arch in
armv7) debian=armhf ;;
*) debian=$arch ;;
esac
DEB_VERSION=${DEB_VERSION:-$(packaging/version.sh "$VERSION" "$SOURCE_DATE_EPOCH")}
export NFPM_ARCH DEB_VERSION MAINTAINER

stage=$(dirname "$program")/deb
packaging/stage.sh "$arch" "$program" "$here" "$stage"
STAGE=$stage/root STAGE_ETC=$stage/etc
export STAGE STAGE_ETC
mkdir -p "$folder"
# nfpm is for this machine, whatever the package is for.
# shellcheck disable=SC2086 # a command and its arguments
env -u GOOS -u GOARCH $NFPM package --config packaging/nfpm.yaml --packager deb \
	--target "$folder/acmezone_$DEB_VERSION-1_$debian.deb" >"$stage/nfpm.log" 2>&1 ||
	{ cat "$stage/nfpm.log" >&2; exit 1; }
echo "$folder/acmezone_$DEB_VERSION-1_$debian.deb"
