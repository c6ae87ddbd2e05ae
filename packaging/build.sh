#!/bin/sh
# Builds the static program for linux. Usage: build.sh ARCH FILE, where ARCH is amd64,
# arm64, armv7, riscv64, or "host" for this machine.
set -eu
cd "$(dirname "$0")/.."
. packaging/settings.sh

arch=$1
file=$2
if [ "$arch" = host ]; then
	goos=$($GO env GOHOSTOS) goarch=$($GO env GOHOSTARCH)
else
	goos=linux goarch=$(goarch "$arch")
fi

GOOS=$goos GOARCH=$goarch $GO build -trimpath -buildvcs=true \
	-ldflags "-s -w -buildid= -X main.version=$VERSION -X main.commit=$COMMIT -X main.committed=$COMMITTED" \
	-o "$file" ./cmd/acmezone
