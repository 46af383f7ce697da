#!/bin/sh
# Runs Rivulet with the Node that came with it.
set -eu

self=$(readlink -f -- "$0")
home=${self%/bin/rivulet}
if [ -z "${RIVULET_CONFIG:-}" ] && [ -r /etc/rivulet/rivulet.yaml ]; then
  export RIVULET_CONFIG=/etc/rivulet/rivulet.yaml
fi

# A command may open the store when no daemon runs. What root makes there belongs to root, and the daemon could not open
# it: so root becomes the daemon's user, but for what reads and writes other files only.
as_daemon=no
if [ "$(id -u)" -eq 0 ] && id rivulet >/dev/null 2>&1; then as_daemon=yes; fi
case ${1:-} in
  broker-setup | config | evaluate | fit | fleet | publish | -*) as_daemon=no ;;
esac
if [ "$as_daemon" = yes ]; then
  exec setpriv --reuid=rivulet --regid=rivulet --init-groups -- "$home/bin/node" "$home/lib/main.js" "$@"
fi
exec "$home/bin/node" "$home/lib/main.js" "$@"
