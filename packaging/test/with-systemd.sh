#!/bin/sh
# In a throw-away copy of a machine that systemd runs: what the package's scripts do
# with its units.
set -eu
# shellcheck source=packaging/test/common.sh
. /opt/package-test/common.sh

main_pid() { systemctl show -p MainPID --value acmezone; }
enabled() { systemctl is-enabled acmezone || true; }
active() { systemctl is-active acmezone || true; }
healthy() {
	tries=0
	until curl -fsSk -m 5 -o /dev/null https://localhost/health 2>/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || { systemctl status --no-pager acmezone; fail "the service isn't healthy"; }
		sleep 0.05
	done
}

step "installed, it is neither enabled nor started"
install_deb "$old"
expect enabled "$(enabled)" disabled
expect active "$(active)" inactive

step "enabled, it serves"
configure
systemctl enable --now acmezone 2>/dev/null
healthy
curl -fsSk -m 20 -X POST https://localhost/register >/tmp/account
value=LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM
update $value
answers "\"$value\""

step "upgraded, the new version runs and has what the old one had"
before=$(main_pid)
install_deb "$new"
healthy
[ "$(main_pid)" != "$before" ] || fail "it wasn't restarted"
expect "the running program" "$(readlink "/proc/$(main_pid)/exe")" /usr/bin/acmezone
answers "\"$value\""

step "a configuration that the new version refuses: the running one is let be"
before=$(main_pid)
cp -p "$config" /tmp/right
echo 'nonsense = 1' >>"$config"
install_deb "$new"
grep -q 'the old one goes on running' /tmp/dpkg.log || fail "doesn't say so: $(cat /tmp/dpkg.log)"
expect "process" "$(main_pid)" "$before"
cp -p /tmp/right "$config"

step "removed, it is stopped; installed again, it is enabled again"
dpkg -r acmezone >/tmp/dpkg.log 2>&1
expect active "$(active)" inactive
[ ! -d "/proc/$before" ] || fail "it still runs"
there "$config" "$state/acmezone.db"
install_deb "$new"
expect enabled "$(enabled)" enabled
systemctl start acmezone
healthy
answers "\"$value\""

step "purged, systemd knows nothing of it"
dpkg -P acmezone >/tmp/dpkg.log 2>&1
expect active "$(active)" inactive
gone "$config" "$state"
expect "what is left" "$(find /etc/systemd /var/lib/systemd -name '*acmezone*')" ""
echo "Under systemd, the package starts, restarts and stops the service."
