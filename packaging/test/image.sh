#!/bin/sh
# Builds the container image, and runs it as an operator would who gives it nothing: no
# capabilities, nothing to write to but its volume, no network but its own. Run as root;
# images and containers are kept in a folder that goes at the end.
set -eu
cd "$(dirname "$0")/../.."

# Where control groups are of both versions, crun refuses; a name space of our own has
# the second alone.
if [ "${1:-}" != inside ]; then
	exec unshare --mount --propagation private "$0" inside
fi
if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
	umount -l /sys/fs/cgroup || true
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi

work=$(mktemp -d)
storage="--storage-driver vfs --root $work/root --runroot $work/run"
engine() {
	# shellcheck disable=SC2086 # options and their values
	podman $storage --cgroup-manager cgroupfs --runtime crun "$@"
}
clean() {
	engine rm --force --all >/dev/null 2>&1 || true
	rm -rf "$work"
}
trap clean EXIT

fail() {
	echo "image-test: $*" >&2
	engine logs acmezone >&2 || true
	exit 1
}
start() { # OPTIONS...
	engine run --detach --name acmezone --network none --cgroups disabled \
		--ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --volume state:/var/lib/acmezone \
		--read-only --cap-drop all --security-opt no-new-privileges \
		--sysctl net.ipv4.ip_unprivileged_port_start=0 "$@" >/dev/null
	pid=$(engine inspect --format '{{.State.Pid}}' acmezone)
	tries=0
	until within curl -fsSk -m 5 -o /dev/null https://localhost/health 2>/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || fail "isn't healthy"
		sleep 0.05
	done
}
within() { nsenter --target "$pid" --net "$@"; }
field() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/" "$work/account"; }
value=LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM
answers() {
	got=$(within dig @127.0.0.1 +short +tries=1 "$(field fulldomain)" TXT)
	[ "$got" = "\"$value\"" ] || fail "DNS answers '$got'"
}

arch=$(${GO:-go} env GOHOSTARCH)
packaging/build.sh host "$work/build/acmezone"
BUILDAH="buildah $storage" packaging/image.sh "$arch" "$work/build/acmezone" >"$work/build.log" 2>&1 ||
	{ cat "$work/build.log" >&2; exit 1; }
image=$(engine images --quiet)

echo "-- with the environment alone"
start --env ACMEZONE_ZONE_NAME=auth.example.org --env 'ACMEZONE_ZONE_RECORDS=@ A 198.51.100.1' \
	--env 'ACMEZONE_DNS_LISTEN=[::]:53' --env ACMEZONE_API_TLS=self-signed "$image"
users=$(awk '$1 == "Uid:" || $1 == "CapEff:" || $1 == "CapBnd:" { print $2 }' "/proc/$pid/status" | tr '\n' ' ')
[ "$users" = "65532 0000000000000000 0000000000000000 " ] || fail "runs as $users"
within curl -fsSk -m 60 -X POST https://localhost/register >"$work/account"
within curl -fsSk -m 60 https://localhost/update -H "X-Api-User: $(field username)" -H "X-Api-Key: $(field password)" \
	-d "{\"subdomain\": \"$(field subdomain)\", \"txt\": \"$value\"}" >/dev/null || fail "update"
answers
engine exec acmezone acmezone account list --json | grep -q "$(field subdomain)" || fail "no admin socket"

echo "-- with a configuration, and the state of the container before"
engine stop --time 20 acmezone >/dev/null
code=$(engine inspect --format '{{.State.ExitCode}}' acmezone)
[ "$code" = 0 ] || fail "ended with exit code $code"
engine rm acmezone >/dev/null
chmod 0755 "$work"
cp examples/acmezone.toml "$work/acmezone.toml"
start --volume "$work/acmezone.toml:/etc/acmezone/acmezone.toml:ro" "$image"
answers
echo "The container runs as nobody in particular, and keeps what it was told."
