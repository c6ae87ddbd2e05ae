#!/bin/sh
# Within namespaces of its own: mounts a copy of this machine that forgets what is
# written, except in SHARED, which is its /opt/package-test, and runs COMMAND in it.
# Usage: overlay.sh LAYERS SHARED COMMAND...
set -eu

layers=$1
shared=$2
shift 2
root=$layers/root
inside=$root/opt/package-test

# The upper layer may not be in the file system that is the lower one.
mount -t tmpfs -o size=512m,mode=0755 tmpfs "$layers"
mkdir "$layers/upper" "$layers/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$layers/upper,workdir=$layers/work" overlay "$root"
mkdir -p "$inside"
mount --bind "$shared" "$inside"

mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
	touch "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s pts/ptmx "$root/dev/ptmx" # PrivateDevices= of a unit wants it
# Nothing that runs on this machine is to be seen: no systemd, no sockets.
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
ip link set lo up

# Not chroot: systemd can make no name spaces for services in one.
cd "$root"
pivot_root . mnt
umount -l /mnt
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
	DEBIAN_FRONTEND=noninteractive "$@"
