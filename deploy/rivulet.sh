#!/bin/sh
# Runs Rivulet with the Node that came with it.
set -eu

self=$(readlink -f -- "$0")
home=${self%/bin/rivulet}
if [ -z "${RIVULET_CONFIG:-}" ] && [ -r /etc/rivulet/rivulet.yaml ]; then
  export RIVULET_CONFIG=/etc/rivulet/rivulet.yaml
fi

# A command may open the store when no daemon runs. What root makes belongs to root, and the daemon could not open it.
if [ "$(id -u)" -eq 0 ] && id rivulet >/dev/null 2>&1; then
  exec setpriv --reuid=rivulet --regid=rivulet --init-groups -- "$home/bin/node" "$home/lib/main.js" "$@"
fi
exec "$home/bin/node" "$home/lib/main.js" "$@"
