# shellcheck shell=sh
# Sourced by the scripts beside it: what a build depends on, so that two builds of a
# commit are the same on any machine with the same version of Go, wherever the folder is.

# The caller's umask, time zone, language and Go settings must not count.
umask 022
export TZ=UTC LC_ALL=C
export GOFLAGS='' GOWORK=off GOEXPERIMENT='' CGO_ENABLED=0
export GOAMD64=v1 GOARM64=v8.0 GOARM=7 GORISCV64=rva20u64

# A fixed number of digits: by itself, git takes as many as the clone needs.
VERSION=${VERSION:-$(git describe --tags --always --dirty --abbrev=12)}
COMMIT=$(git rev-parse HEAD)
COMMITTED=$(git log -1 --format=%cs)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export VERSION COMMIT COMMITTED SOURCE_DATE_EPOCH

# The names of tools, each pinned in the Makefile.
: "${GO:=go}"

# Go's names for an architecture of ours.
goarch() {
	case $1 in
	armv7) echo arm ;;
	*) echo "$1" ;;
	esac
}
