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
		[ "$tries" -lt 1200 ] || { systemctl status --no-pager acmezone; fail "the service isn't healthy"; }
		sleep 0.05
	done
}
soa() { dig @127.0.0.1 "$1" +tries=1 +time=60 +short auth.example.org SOA | grep -q hostmaster; }
# repeat COMMAND... says "fine" or "lost" for each time, until it is enough.
repeat() {
	while [ ! -f /tmp/enough ]; do
		if ("$@") >/dev/null 2>&1; then echo fine; else echo lost; fi
	done
}

step "installed, it is neither enabled nor started"
install_deb "$old"
expect enabled "$(enabled)" disabled
expect active "$(active)" inactive

step "enabled, it serves"
configure
systemctl --quiet enable --now acmezone 2>/dev/null || fail "$(systemctl status --no-pager --full acmezone)"
healthy
curl -fsSk -m 60 -X POST https://localhost/register >/tmp/account
value=LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM
update $value
answers "\"$value\""

step "upgraded, the new version runs and has what the old one had"
before=$(main_pid)
# As beside NSD: the check of the configuration needs the groups of the unit, too.
mkdir -p /etc/systemd/system/acmezone.service.d
printf '[Service]\nSupplementaryGroups=adm\n' >/etc/systemd/system/acmezone.service.d/groups.conf
install_deb "$new"
healthy
[ "$(main_pid)" != "$before" ] || fail "it wasn't restarted: $(cat /tmp/dpkg.log)"
grep -q 'is right: zone' /tmp/dpkg.log || fail "the configuration wasn't looked at"
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

step "a key of root's is handed over by systemd, to the service and to the check before an upgrade"
cp -p "$config" /tmp/right
printf 'c2VjcmV0c2VjcmV0\n' >/root/hmac-key
chmod 0600 /root/hmac-key
# shellcheck disable=SC2016 # systemd's variable
printf '[Service]\nLoadCredential=acme-eab-hmac-key:/root/hmac-key\nExecReload=\nExecReload=/bin/kill -HUP $MAINPID\n' >/etc/systemd/system/acmezone.service.d/credentials.conf
sed -i -e 's|^tls = "self-signed"|tls = "acme"|' -e 's|^# acme_directory = .*|acme_directory = "http://127.0.0.1:1/dir"|' \
	-e 's|^# acme_eab_kid = .*|acme_eab_kid = "kid-1"|' \
	-e 's|^# acme_eab_hmac_key_file = .*|acme_eab_hmac_key_file = "/run/credentials/acmezone.service/acme-eab-hmac-key"|' "$config"
grep -q '^acme_eab_hmac_key_file = "/run' "$config" || fail "the example has no such key"
systemctl daemon-reload
systemctl restart acmezone || fail "$(systemctl status --no-pager --full acmezone)"
systemctl reload acmezone || fail "$(systemctl status --no-pager --full acmezone)"
before=$(main_pid)
install_deb "$new"
healthy
[ "$(main_pid)" != "$before" ] || fail "it wasn't restarted: $(cat /tmp/dpkg.log)"
cp -p /tmp/right "$config"
rm /etc/systemd/system/acmezone.service.d/credentials.conf /root/hmac-key
systemctl daemon-reload
systemctl restart acmezone

step "upgraded where systemd holds the ports, it loses nothing that is asked meanwhile"
sockets='acmezone-dns-udp.socket acmezone-dns-tcp.socket acmezone-api.socket'
systemctl stop acmezone
# shellcheck disable=SC2086 # one argument each
systemctl --quiet enable --now $sockets 2>/dev/null
systemctl start acmezone
healthy
repeat soa +notcp >/tmp/udp &
repeat soa +tcp >/tmp/tcp &
repeat update $value >/tmp/updates &
before=$(main_pid)
install_deb "$new"
healthy
[ "$(main_pid)" != "$before" ] || fail "it wasn't restarted"
touch /tmp/enough
wait
for what in udp tcp updates; do
	expect "$what lost" "$(grep -c lost /tmp/$what || true)" 0
	[ "$(grep -c fine /tmp/$what)" -gt 10 ] || fail "$what: $(grep -c fine /tmp/$what) is no load"
	echo "   $what: $(grep -c fine /tmp/$what)"
done

step "removed, it is stopped; installed again, it is enabled again"
before=$(main_pid)
dpkg -r acmezone >/tmp/dpkg.log 2>&1
expect active "$(active)" inactive
[ ! -d "/proc/$before" ] || fail "it still runs"
expect "what still listens" "$(ss -Hlnut 'sport = :53 or sport = :443')" ""
there "$config" "$state/acmezone.db"
install_deb "$new"
expect enabled "$(enabled)" enabled
systemctl start acmezone
healthy
answers "\"$value\""

rm -r /etc/systemd/system/acmezone.service.d

step "purged, also where no service may be stopped, it runs no more, and systemd knows nothing of it"
before=$(main_pid)
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 0755 /usr/sbin/policy-rc.d
dpkg -P acmezone >/tmp/dpkg.log 2>&1
[ ! -d "/proc/$before" ] || fail "it still runs"
expect active "$(active)" inactive
gone "$config" "$state"
expect "what is left" "$(named /etc/systemd /var/lib/systemd)" "$had_systemd"
echo "Under systemd, the package starts, restarts and stops the service."
