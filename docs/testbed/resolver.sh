# A validating resolver on 127.0.0.1 that knows the test bed's root: sourced by postfix.sh, which `danelaw testbed run` starts.
# It writes /etc/resolv.conf, so run it where that may be: in a container of the pipeline, as root.

set -eu
work=$(mktemp -d)
chmod 755 "$work"

cat > "$work/unbound.conf" <<CONF
server:
 interface: 127.0.0.1
 do-ip6: no
 username: ""
 chroot: ""
 directory: "$work"
 pidfile: ""
 use-syslog: no
 logfile: "$work/unbound.log"
 root-hints: "$DANELAW_ROOT_HINTS"
 trust-anchor-file: "$DANELAW_ANCHOR"
 do-not-query-localhost: no
 module-config: "validator iterator"
remote-control:
 control-enable: no
CONF
unbound -d -c "$work/unbound.conf" &
resolver=$!

# Without trust-ad the C library hides from the sender that an answer was validated. (resolv.conf(5))
printf 'nameserver 127.0.0.1\noptions edns0 trust-ad\n' > /etc/resolv.conf
