#!/bin/sh
# Sends one message to each recipient by Exim. Started by `danelaw testbed run -- docs/testbed/exim.sh [OPTION…]`: each OPTION is one more line of
# its smtp transport, as "hosts_require_dane = *".

. "$(dirname "$0")/resolver.sh"

mkdir -p "$work/spool"
chmod 777 "$work/spool"
cat > "$work/exim.conf" <<CONF
primary_hostname = sender.example
spool_directory = $work/spool
log_file_path = $work/spool/%slog
disable_ipv6 = true
trusted_users = root
begin acl
begin routers
dnslookup:
  driver = dnslookup
  transport = remote_smtp
  self = send
begin transports
remote_smtp:
  driver = smtp
  allow_localhost
CONF
for option in "$@"; do
    printf '  %s\n' "$option" >> "$work/exim.conf"
done
printf 'begin retry\n*  *  F,2h,15m\n' >> "$work/exim.conf"
# Exim reads a file that only root can write.
chmod 644 "$work/exim.conf"

while read -r sender recipient; do
    printf 'From: <%s>\nTo: <%s>\nSubject: test\n\nhello\n' "$sender" "$recipient" |
        exim4 -C "$work/exim.conf" -odi -f "$sender" "$recipient" &
    deliveries="${deliveries-} $!"
done < "$DANELAW_MESSAGES"

# Every message is tried once; nobody waits for servers that say nothing.
limit=${PATIENCE:-30}
( sleep "$limit"; kill $deliveries ) 2> /dev/null &
wait $deliveries || true
sleep 2
kill "$resolver"
