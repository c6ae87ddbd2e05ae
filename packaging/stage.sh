#!/bin/sh
# Lays out what a Debian package holds. Usage: stage.sh ARCH PROGRAM HOSTPROGRAM FOLDER.
# FOLDER/root gets what is unpacked as it is, FOLDER/etc the configuration. HOSTPROGRAM
# is the same program for this machine, which prints the manual page and completions.
set -eu
cd "$(dirname "$0")/.."
. packaging/settings.sh

program=$2
here=$3
stage=$4
root=$stage/root
doc=$root/usr/share/doc/acmezone

put() { install -D -m "$1" "$2" "$3"; }
# Without name and time, which would differ from build to build.
compress() { install -d "$(dirname "$1")" && gzip -9n >"$1" && chmod 0644 "$1"; }

rm -rf "$stage"
put 0755 "$program" "$root/usr/bin/acmezone"

"$here" man | compress "$root/usr/share/man/man1/acmezone.1.gz"
for shell in bash zsh fish; do
	case $shell in
	bash) file=$root/usr/share/bash-completion/completions/acmezone ;;
	zsh) file=$root/usr/share/zsh/vendor-completions/_acmezone ;;
	fish) file=$root/usr/share/fish/vendor_completions.d/acmezone.fish ;;
	esac
	install -d "$(dirname "$file")"
	"$here" completion "$shell" >"$file"
done

# The units in examples are for a program that was put into /usr/local by hand.
for unit in examples/systemd/*.service examples/systemd/*.socket; do
	install -d "$root/usr/lib/systemd/system"
	sed 's|/usr/local/bin/|/usr/bin/|g' "$unit" >"$root/usr/lib/systemd/system/${unit##*/}"
done

# The example, but for the two keys that only the operator can know: without zone.name
# nothing starts.
install -d "$stage/etc/acmezone"
sed -e 's|^name = "auth.example.org"$|# name = "auth.example.org"|' \
	-e 's|^records = \["@ A |# records = ["@ A |' \
	examples/acmezone.toml >"$stage/etc/acmezone/acmezone.toml"
put 0644 packaging/debian/logrotate "$stage/etc/logrotate.d/acmezone"

put 0644 packaging/debian/copyright "$doc/copyright"
packaging/thirdparty.sh "$program" | compress "$doc/third-party.txt.gz"
put 0644 README.md "$doc/README.md"
for example in $(git ls-files examples); do
	case $example in
	examples/systemd/*) ;; # installed as units
	*) put 0644 "$example" "$doc/$example" ;;
	esac
done
compress "$doc/changelog.gz" <CHANGELOG.md
compress "$doc/changelog.Debian.gz" <<END
acmezone ($DEB_VERSION-1) unstable; urgency=medium

  * Commit $COMMIT.
    What is new is in changelog.gz.

 -- $MAINTAINER  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END
put 0644 packaging/debian/lintian-overrides "$root/usr/share/lintian/overrides/acmezone"

find "$stage" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
