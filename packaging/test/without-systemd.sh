#!/bin/sh
# In a throw-away copy of a machine: the life of the Debian package, from its
# installation to its purge, with a real service in between.
set -eu
# shellcheck source=packaging/test/common.sh
. /opt/package-test/common.sh

service=

start_service() {
	# What the unit gives it: the user, a folder in /run, and low ports.
	install -d -m 0755 -o acmezone -g acmezone /run/acmezone
	setpriv --reuid acmezone --regid acmezone --init-groups --no-new-privs \
		--inh-caps=-all,+net_bind_service --ambient-caps=-all,+net_bind_service --bounding-set=-all,+net_bind_service \
		/usr/bin/acmezone serve >/tmp/serve.log 2>&1 </dev/null &
	service=$!
	tries=0
	until curl -fsSk -m 5 -o /dev/null https://localhost/health 2>/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -lt 1200 ] || fail "the service isn't healthy"
		kill -0 "$service" 2>/dev/null || fail "the service has ended"
		sleep 0.05
	done
}
stop_service() {
	kill "$service"
	wait "$service" || fail "the service ended with exit code $?"
}

step "installed"
install_deb "$old"
expect "what is next" "$(grep -c '^acmezone: ' /tmp/dpkg.log)" 2
expect version "$(acmezone version | cut -d, -f1)" "acmezone v98.0.0-rc.1"
expect user "$(getent passwd acmezone | cut -d: -f6,7)" "$state:/usr/sbin/nologin"
expect "$config" "$(owner "$config")" "640 root:acmezone"
expect "$state" "$(owner "$state")" "700 acmezone:acmezone"
expect /var/log/acmezone "$(owner /var/log/acmezone)" "750 acmezone:acmezone"
there /usr/share/man/man1/acmezone.1.gz /usr/share/bash-completion/completions/acmezone \
	/usr/share/zsh/vendor-completions/_acmezone /usr/share/fish/vendor_completions.d/acmezone.fish \
	/usr/share/doc/acmezone/copyright /usr/share/doc/acmezone/third-party.txt.gz \
	/usr/share/doc/acmezone/examples/acmezone.toml
expect "files that dpkg finds changed" "$(dpkg --verify acmezone)" ""
bash -n /usr/share/bash-completion/completions/acmezone
logrotate --debug /etc/logrotate.d/acmezone >/tmp/logrotate.log 2>&1 || fail "$(cat /tmp/logrotate.log)"

step "its units are right, and none is enabled"
units=$(dpkg -L acmezone | grep '^/usr/lib/systemd/system/.*\.\(service\|socket\)$')
for unit in acmezone.service acmezone-dns-udp.socket acmezone-dns-tcp.socket acmezone-api.socket acmezone-attach.service acmezone-attach.socket; do
	there "/usr/lib/systemd/system/$unit"
done
for unit in $units; do
	# What the maintainer scripts do, they have to do for every unit.
	for script in postinst prerm postrm; do
		grep -qw "${unit##*/}" "/var/lib/dpkg/info/acmezone.$script" || fail "$script doesn't know ${unit##*/}"
	done
done
# shellcheck disable=SC2086 # one argument each
systemd-analyze verify --man=no --recursive-errors=no $units || fail "systemd-analyze verify"
expect "enabled units" "$(find /etc/systemd/system -name '*acmezone*')" ""

step "not configured, it doesn't start"
status=0
setpriv --reuid acmezone --regid acmezone --clear-groups /usr/bin/acmezone serve >/tmp/serve.log 2>&1 || status=$?
expect "exit code" "$status" 2
grep -q 'zone.name' /tmp/serve.log || fail "doesn't say what is missing"
if setpriv --reuid nobody --regid nogroup --clear-groups cat "$config" >/dev/null 2>&1; then fail "others can read $config"; fi

step "configured, it serves"
configure
expect "$config after an edit" "$(owner "$config")" "640 root:acmezone"
acmezone config check "$config" >/dev/null
start_service
curl -fsSk -m 60 -X POST https://localhost/register >/tmp/account
first=LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM
update $first
answers "\"$first\""
acmezone account list >/dev/null
expect database "$(owner "$state/acmezone.db" | cut -d' ' -f2)" acmezone:acmezone

step "upgraded under the running service"
before=$(sha256sum <"$config")
number=$(id -u acmezone)
chmod 0711 "$state" # the operator's; it has to stay
install_deb "$new"
expect "what is next, said again" "$(grep -c '^acmezone: ' /tmp/dpkg.log)" 0
expect version "$(acmezone version | cut -d, -f1)" "acmezone v98.0.0"
expect configuration "$(sha256sum <"$config")" "$before"
expect "$config" "$(owner "$config")" "640 root:acmezone"
expect "$state" "$(owner "$state")" "711 acmezone:acmezone"
answers "\"$first\""
stop_service
start_service
answers "\"$first\""
second=gfj9Xq_Rg85nM21vQMVRDt1qQVzqhNxVMW8OoC8wGcU
update $second
answers "\"$first\"\"$second\""
stop_service

step "its audit log is rotated"
as_acmezone="setpriv --reuid acmezone --regid acmezone --clear-groups"
$as_acmezone sh -c 'umask 027; echo "{}" >/var/log/acmezone/audit.log'
logrotate --force /etc/logrotate.d/acmezone || fail logrotate
expect "the new audit log" "$(owner /var/log/acmezone/audit.log)" "640 acmezone:acmezone"
expect "the old audit log" "$(cat /var/log/acmezone/audit.log.1)" "{}"

step "configured twice, nothing changes"
DPKG_MAINTSCRIPT_PACKAGE=acmezone /var/lib/dpkg/info/acmezone.postinst configure 98.0.0-1
expect configuration "$(sha256sum <"$config")" "$before"

step "removed, it keeps configuration and state"
dpkg -r acmezone >/dev/null
gone /usr/bin/acmezone /usr/lib/systemd/system/acmezone.service
there "$config" "$state/acmezone.db" /var/log/acmezone
install_deb "$new"
expect configuration "$(sha256sum <"$config")" "$before"
expect "number of the user" "$(id -u acmezone)" "$number"
start_service
answers "\"$first\"\"$second\""
stop_service

step "purged while it runs, it keeps what that needs"
install_deb "$new"
cp "$config" /tmp/config
start_service
dpkg -P acmezone >/tmp/dpkg.log 2>&1
grep -q 'it still runs' /tmp/dpkg.log || fail "doesn't say so: $(cat /tmp/dpkg.log)"
update $first
stop_service
there "$state/acmezone.db" /var/log/acmezone
install_deb "$new"

step "purged, it leaves nothing but what zones include"
install -D -m 0644 /dev/null "$state/snippets/example.org.zone"
dpkg -P acmezone >/tmp/dpkg.log 2>&1
grep -q snippets /tmp/dpkg.log || fail "doesn't say what stays"
expect "what is left" "$(find "$state" -type f)" "$state/snippets/example.org.zone"
gone /etc/acmezone /var/log/acmezone
rm -rf "$state/snippets"
install_deb "$new"
dpkg -L acmezone | grep acmezone >/tmp/files
dpkg -P acmezone >/tmp/dpkg.log 2>&1
gone "$state" /etc/acmezone /etc/logrotate.d/acmezone
while read -r file; do gone "$file"; done </tmp/files
expect "what is left" "$(named /etc /var/lib /var/log)" "$had"
echo "The package installs, serves, upgrades, and goes."
