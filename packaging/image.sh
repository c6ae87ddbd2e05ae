#!/bin/sh
# Builds the container image localhost/acmezone:VERSION. Usage: image.sh ARCH PROGRAM.
# BUILDAH is the command that runs buildah.
set -eu
cd "$(dirname "$0")/.."
. packaging/settings.sh

arch=$1
program=$2
context=$(dirname "$program")/image
root=$context/root
# Where Debian, Fedora and Alpine have the roots of the certification authorities.
roots=
for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
	if [ -z "$roots" ] && [ -f "$file" ]; then roots=$file; fi
done
if [ -z "$roots" ]; then
	echo "make image: no root certificates here for the image to take: install ca-certificates first" >&2
	exit 1
fi

rm -rf "$context"
install -d "$context/empty" "$root/etc/acmezone"
install -d -m 1777 "$root/tmp"
install -D -m 0755 "$program" "$root/usr/bin/acmezone"
install -D -m 0644 "$roots" "$root/etc/ssl/certs/ca-certificates.crt"
echo 'acmezone:x:65532:65532::/var/lib/acmezone:/usr/sbin/nologin' >"$root/etc/passwd"
echo 'acmezone:x:65532:' >"$root/etc/group"
install -D -m 0644 LICENSE "$root/usr/share/doc/acmezone/LICENSE"
packaging/thirdparty.sh "$program" >"$root/usr/share/doc/acmezone/third-party.txt"

case $arch in
armv7) platform=linux/arm/v7 ;;
*) platform=linux/$arch ;;
esac
# shellcheck disable=SC2086 # a command and its arguments
${BUILDAH:-buildah} build --platform "$platform" --timestamp "$SOURCE_DATE_EPOCH" \
	--build-arg VERSION="$VERSION" --tag "localhost/acmezone:$VERSION" \
	--file packaging/Containerfile "$context"
