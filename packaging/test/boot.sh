#!/bin/sh
# In a throw-away copy of a machine, as its first process: boots a systemd that runs
# nothing but its basic units and with-systemd.sh, and then ends.
set -eu

shared=/opt/package-test
# Credentials are mounted by another process than the one that hands them over.
mount --make-rshared /
mount -t cgroup2 cgroup2 /sys/fs/cgroup
rm -rf /etc/systemd/system/*.wants
# This machine may refuse that packages start services; the copy doesn't.
rm -f /usr/sbin/policy-rc.d

cat >/etc/systemd/system/package-test.service <<END
[Unit]
Requires=basic.target
After=basic.target

[Service]
Type=oneshot
Environment=HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
ExecStart=/bin/sh $shared/with-systemd.sh
StandardOutput=file:$shared/log
StandardError=inherit
ExecStopPost=/bin/sh -c 'echo \$\$SERVICE_RESULT >$shared/result'
ExecStopPost=systemctl poweroff --force
TimeoutStartSec=900
END
cat >/etc/systemd/system/package-test.target <<END
[Unit]
Wants=package-test.service
AllowIsolate=yes
END

exec env container=oci /lib/systemd/systemd --system --unit=package-test.target --log-target=journal
