#!/bin/sh
# Installs Rivulet from the unpacked tarball, or puts this version in the place of another: sudo ./install.sh
# Needs no network. It may be run again at any time.
set -eu

usage() {
  cat <<'TEXT'
usage: install.sh [--no-start] [--no-backup] [--root DIR]   installs, or upgrades: configuration and data stay
       install.sh --uninstall                               removes the program; configuration and data stay
       install.sh --purge                                   removes configuration, data and user as well
  --root DIR    works on the file system below DIR and starts nothing
  --no-backup   upgrades even where the store cannot be backed up before
TEXT
}

GLIBC_MIN=2.34
UNITS="rivulet.service rivulet-backup.service rivulet-backup.timer"

action=install
start=yes
backup=yes
root=
while [ $# -gt 0 ]; do
  case $1 in
    --uninstall) action=uninstall ;;
    --purge) action=purge ;;
    --no-start) start=no ;;
    --no-backup) backup=no ;;
    --root)
      [ $# -gt 1 ] || { usage >&2; exit 64; }
      root=${2%/}
      shift
      ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 64 ;;
  esac
  shift
done

here=$(dirname -- "$(readlink -f -- "$0")")
program=$root/opt/rivulet
config=$root/etc/rivulet/rivulet.yaml
units=$root/etc/systemd/system

say() { printf '%s\n' "$*"; }
fail() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }

# Whether the system below is the one that runs, and whether systemd runs it.
is_live() { [ -z "$root" ]; }
has_systemd() { is_live && [ -d /run/systemd/system ]; }

data_folder() {
  folder=$(sed -n 's/^data:[[:space:]]*\([^#[:space:]]*\).*/\1/p' "$config" 2>/dev/null | head -n 1)
  say "${folder:-/var/lib/rivulet}"
}

manifest_value() { sed -n "s/^  \"$1\": \"\(.*\)\",\$/\1/p" "$2"; }

check_machine() {
  is_live || return 0
  [ "$(id -u)" -eq 0 ] || fail "must be run by root: sudo $0"
  [ "$(uname -s)" = Linux ] || fail "this is no Linux"
  glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed -n 's/^glibc //p')
  [ -n "$glibc" ] || fail "needs glibc $GLIBC_MIN or later; this system has another C library (use the container there)"
  lowest=$(printf '%s\n%s\n' "$GLIBC_MIN" "$glibc" | sort -V | head -n 1)
  [ "$lowest" = "$GLIBC_MIN" ] || fail "needs glibc $GLIBC_MIN or later (Debian 12, Raspberry Pi OS Bookworm); found $glibc"
  # A kernel of 64 bits may run programs of 32 bits only: what decides is whether the program runs.
  if ! "$here/bin/node" --version >/dev/null 2>&1; then
    bits=$(getconf LONG_BIT 2>/dev/null || say unknown)
    fail "this package is for $(manifest_value arch "$here/manifest.json"); here is $(uname -m), $bits bits: Rivulet needs a 64-bit system"
  fi
  owner=$(dpkg-query -W -f '${db:Status-Status}' rivulet 2>/dev/null || true)
  [ "$owner" != installed ] || fail "rivulet is installed as a Debian package: upgrade with apt install ./rivulet_….deb, or remove it first (configuration and data stay)"
}

check_manifest() {
  [ -r "$here/manifest.json" ] || fail "manifest.json is missing: unpack the tarball and run the install.sh in it"
  sums=$(sed -n 's/^    "\(.*\)": "\([0-9a-f]\{64\}\)",\{0,1\}$/\2  \1/p' "$here/manifest.json")
  [ -n "$sums" ] || fail "manifest.json names no files"
  (cd "$here" && printf '%s\n' "$sums" | sha256sum --check --quiet --strict -) || fail "files are damaged or missing: unpack the tarball again"
}

add_user() {
  if is_live; then
    getent group rivulet >/dev/null || groupadd --system rivulet
    id rivulet >/dev/null 2>&1 || useradd --system --gid rivulet --home-dir /var/lib/rivulet --no-create-home --shell /usr/sbin/nologin rivulet
  elif [ -f "$root/etc/passwd" ]; then
    grep -q '^rivulet:' "$root/etc/group" || groupadd --prefix "$root" --system rivulet
    grep -q '^rivulet:' "$root/etc/passwd" || useradd --prefix "$root" --system --gid rivulet --home-dir /var/lib/rivulet --no-create-home --shell /usr/sbin/nologin rivulet
  fi
}

make_folders() {
  install -d -m 755 "$root/etc/rivulet" "$root/opt" "$root/usr/local/bin" "$units"
  if is_live; then
    install -d -m 750 -o rivulet -g rivulet /var/lib/rivulet
  else
    install -d -m 750 "$root/var/lib/rivulet"
  fi
}

# Before another version may bring the store to its own form, a copy is made by the one that wrote it.
back_up() {
  if ! is_live || [ "$backup" = no ] || [ ! -x "$program/bin/rivulet" ] || [ ! -e "$(data_folder)/rivulet.db" ]; then return 0; fi
  say "makes a backup of the store first"
  "$program/bin/rivulet" backup || fail "the backup failed and nothing was changed; --no-backup upgrades without one"
}

# The new program is put beside the old one, and they change places: one that is half there is never started.
place_program() {
  rm -rf "$program.new" "$program.old"
  install -d -m 755 "$program.new"
  # Only what the manifest names is taken over: the folder may hold other things by now.
  printf '%s\n' "$sums" | sed 's/^[0-9a-f]*  //' | while IFS= read -r path; do
    mkdir -p "$program.new/$(dirname "$path")"
    cp -p "$here/$path" "$program.new/$path"
  done
  cp -p "$here/manifest.json" "$program.new/"
  if [ "$(id -u)" -eq 0 ]; then chown -R 0:0 "$program.new"; fi
  chmod -R u+rwX,go+rX,go-w "$program.new"
  sync
  if has_systemd; then systemctl stop rivulet.service 2>/dev/null || true; fi
  if [ -e "$program" ]; then mv "$program" "$program.old"; fi
  mv "$program.new" "$program"
  rm -rf "$program.old" "$root/var/cache/rivulet"
  ln -sfn /opt/rivulet/bin/rivulet "$root/usr/local/bin/rivulet"
  for unit in $UNITS; do install -m 644 "$program/systemd/$unit" "$units/$unit"; done
}

start_service() {
  if [ "$start" = no ]; then say "installed; start it with: systemctl enable --now rivulet rivulet-backup.timer"; return 0; fi
  if ! is_live; then return 0; fi
  if ! has_systemd; then
    say "systemd does not run here. To start it: rivulet start"
    say "and each night: rivulet backup"
    return 0
  fi
  systemctl daemon-reload
  if [ "$1" = new ]; then systemctl enable --quiet rivulet.service rivulet-backup.timer; fi
  systemctl start rivulet-backup.timer
  if ! systemctl restart rivulet.service; then
    journalctl -u rivulet.service -n 20 --no-pager || true
    fail "installed, but the service does not start; see above, or: rivulet doctor"
  fi
  say "runs: systemctl status rivulet"
}

install_program() {
  check_machine
  check_manifest
  version=$(manifest_value version "$here/manifest.json")
  former=
  if [ -r "$program/manifest.json" ]; then former=$(manifest_value version "$program/manifest.json"); fi
  if [ "$here" = "$program" ]; then fail "this is the installed copy: run install.sh of the unpacked tarball"; fi
  add_user
  make_folders
  if [ -n "$former" ]; then back_up; fi
  place_program
  if [ -e "$config" ]; then say "keeps $config"; else install -m 644 "$here/config/rivulet.yaml" "$config"; fi
  if [ -n "$former" ]; then say "rivulet $version is in the place of $former"; else say "rivulet $version is installed in $program"; fi
  if [ -n "$former" ]; then start_service known; else start_service new; fi
}

uninstall_program() {
  if is_live && [ "$(id -u)" -ne 0 ]; then fail "must be run by root: sudo $0 --$action"; fi
  data=$(data_folder)
  if has_systemd; then systemctl disable --quiet --now rivulet.service rivulet-backup.timer 2>/dev/null || true; fi
  for unit in $UNITS; do rm -f "$units/$unit"; done
  rm -f "$root/usr/local/bin/rivulet"
  rm -rf "$program" "$program.new" "$program.old" "$root/var/cache/rivulet"
  if has_systemd; then systemctl daemon-reload; fi
  if [ "$action" = uninstall ]; then
    say "removed; configuration ($config) and data ($root$data) stay"
    return 0
  fi
  rm -rf "$root/etc/rivulet" "$root/var/lib/rivulet"
  if is_live; then
    if id rivulet >/dev/null 2>&1; then userdel rivulet; fi
    if getent group rivulet >/dev/null; then groupdel rivulet; fi
  fi
  say "removed with configuration and data"
  if [ "$data" != /var/lib/rivulet ]; then say "what is in $data was left: it is not a folder of this installation"; fi
}

case $action in
  install) install_program ;;
  *) uninstall_program ;;
esac
