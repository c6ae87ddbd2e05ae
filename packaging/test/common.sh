# Sourced by the scripts that run in a throw-away copy of a machine.
# shellcheck shell=sh disable=SC2034

old=$(echo /opt/package-test/acmezone_98.0.0~rc.1-1_*.deb)
new=$(echo /opt/package-test/acmezone_98.0.0-1_*.deb)
config=/etc/acmezone/acmezone.toml
state=/var/lib/acmezone

fail() {
	echo "package-test: $*" >&2
	[ ! -f /tmp/serve.log ] || cat /tmp/serve.log >&2
	exit 1
}
step() { echo "-- $*"; }
# expect WHAT GOT WANTED
expect() { [ "$2" = "$3" ] || fail "$1: '$2' instead of '$3'"; }
there() { for path in "$@"; do [ -e "$path" ] || fail "$path isn't there"; done; }
gone() { for path in "$@"; do [ ! -e "$path" ] || fail "$path is still there"; done; }
owner() { stat -c '%a %U:%G' "$1"; }
field() { sed "s/.*\"$2\":\"\([^\"]*\)\".*/\1/" "$1"; }
install_deb() { dpkg -i "$1" </dev/null >/tmp/dpkg.log 2>&1 || { cat /tmp/dpkg.log >&2; fail "dpkg -i $1"; }; }

update() {
	curl -fsSk -m 60 https://localhost/update -H "X-Api-User: $(field /tmp/account username)" \
		-H "X-Api-Key: $(field /tmp/account password)" \
		-d "{\"subdomain\": \"$(field /tmp/account subdomain)\", \"txt\": \"$1\"}" >/dev/null || fail "update"
}
answers() { expect DNS "$(dig @127.0.0.1 +short +tries=1 +time=60 "$(field /tmp/account fulldomain)" TXT | sort | tr -d '\n')" "$1"; }

# Sets the two keys that only the operator can know, and one since no certification
# authority is to be reached from here.
configure() {
	sed -i -e 's|^# name = "auth.example.org"|name = "auth.example.org"|' -e 's|^# records = |records = |' \
		-e 's|^# tls = "acme"|tls = "self-signed"|' "$config"
}

# A machine that never had acmezone.
if getent passwd acmezone >/dev/null; then deluser --quiet acmezone; fi
rm -rf /etc/acmezone "$state" /var/log/acmezone /usr/local/bin/acmezone /etc/systemd/system/acmezone*
# Files of that name that the machine has for other reasons, such as images of containers.
named() { find "$@" -name '*acmezone*' | sort; }
had=$(named /etc /var/lib /var/log)
had_systemd=$(named /etc/systemd /var/lib/systemd)
# The database of manual pages takes its time, and proves nothing here.
rm -f /var/lib/man-db/auto-update
