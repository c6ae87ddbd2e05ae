#!/bin/sh
# What acmezone is for, in front of your eyes: start it, register as an ACME client
# does, set a value, and ask for it in DNS. Usage: demo.sh PROGRAM
set -eu

program=$1
state=$(dirname "$program")
log=$state/demo.log
pidfile=$state/demo.pid

if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
field() { printf '%s' "$1" | sed "s/.*\"$2\":\"\([^\"]*\)\".*/\1/"; }

# One demo at a time: the one before ends.
if [ -f "$pidfile" ] && [ "$(cat "/proc/$(cat "$pidfile")/comm" 2>/dev/null)" = acmezone ]; then
	kill "$(cat "$pidfile")"
fi

say "Start the service: no configuration, this machine only"
echo "$ $program serve --dev"
"$program" serve --dev >"$log" 2>&1 </dev/null &
pid=$!
echo "$pid" >"$pidfile"
tries=0
until grep -q 'zone --config' "$log"; do
	tries=$((tries + 1))
	if ! kill -0 "$pid" 2>/dev/null || [ "$tries" -gt 200 ]; then
		cat "$log" >&2
		exit 1
	fi
	sleep 0.05
done
grep 'msg=ready' "$log"
api=$(sed -n 's/.*curl -X POST \(http:.*\)\/register.*/\1/p' "$log")
server=$(sed -n 's/.*dig @\([^ ]*\) -p \([0-9]*\) .*/\1 \2/p' "$log")
address=${server% *}
port=${server#* }

say "Register, as an ACME client does once"
answer=$(curl -sS -X POST "$api/register")
printf '$ curl -X POST %s/register\n%s\n' "$api" "$answer"
subdomain=$(field "$answer" subdomain)
fulldomain=$(field "$answer" fulldomain)

say "Set a value, as a client does for each certificate"
value=$(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n')
username=$(field "$answer" username)
password=$(field "$answer" password)
body="{\"subdomain\": \"$subdomain\", \"txt\": \"$value\"}"
echo "$ curl $api/update -H 'X-Api-User: $username' -H 'X-Api-Key: $password' -d '$body'"
curl -sS "$api/update" -H "X-Api-User: $username" -H "X-Api-Key: $password" -d "$body"
echo

say "Ask for it, as a certification authority does"
got=$(dig "@$address" -p "$port" +short "$fulldomain" TXT)
printf '$ dig @%s -p %s +short %s TXT\n%s\n' "$address" "$port" "$fulldomain" "$got"
if [ "$got" != "\"$value\"" ]; then
	echo "demo: DNS answers $got instead of \"$value\"" >&2
	exit 1
fi

say "It works. Lines to try it with yourself, until you end it with: kill $pid"
sed -n '/^Register, as/,/zone --config/p' "$log"
echo
