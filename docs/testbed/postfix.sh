#!/bin/sh
# Sends one message to each recipient by Postfix. Started by `danelaw testbed run -- docs/testbed/postfix.sh LEVEL [SETTING…]`: LEVEL is what
# smtp_tls_security_level is to be, each SETTING one more line of main.cf.

. "$(dirname "$0")/resolver.sh"
level=$1
shift

cd /etc/postfix
[ -e master.cf ] || cp /usr/share/postfix/master.cf.dist master.cf
[ -e dynamicmaps.cf ] || cp /usr/share/postfix/dynamicmaps.cf .
cat > main.cf <<CONF
compatibility_level = 3.6
myhostname = sender.example
mydestination =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtp_tls_security_level = $level
smtp_dns_support_level = dnssec
smtp_host_lookup = dns
smtp_tls_loglevel = 1
maillog_file = /var/log/postfix.log
CONF
for setting in "$@"; do
    printf '%s\n' "$setting" >> main.cf
done
# Neither the system's log nor a chroot is needed for a test.
postconf -M postlog/unix-dgram='postlog unix-dgram n - n - 1 postlogd'
postconf -F '*/*/chroot=n'

postfix start

while read -r sender recipient; do
    smtp-source -f "$sender" -t "$recipient" 127.0.0.1:25
done < "$DANELAW_MESSAGES"

# Every message is tried once; nobody waits for servers that say nothing.
sleep "${PATIENCE:-30}"
postfix stop
kill "$resolver"
