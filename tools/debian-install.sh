#!/bin/sh
# Installs Debian packages where the user may (root, or sudo without a password); otherwise says exactly
# what to type. Services that come with a package are not started.
set -eu
if [ "$(id -u)" = 0 ]; then as_root=""; elif sudo -n true 2>/dev/null; then as_root="sudo"; else
  echo "These Debian packages are needed: $*" >&2
  echo "Please ask someone who may install them to run:" >&2
  echo "  apt-get install --no-install-recommends $*" >&2
  exit 1
fi
if ! command -v apt-get >/dev/null; then
  echo "This is not a Debian machine; please install by hand: $*" >&2
  exit 1
fi
# A policy-rc.d that says no keeps the package from starting a broker on the public ports.
policy=/usr/sbin/policy-rc.d
made=""
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
  $as_root chmod 755 $policy
  made=yes
fi
trap '[ -z "$made" ] || $as_root rm -f $policy' EXIT
log=$(mktemp)
install() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >"$log" 2>&1
}
if ! install "$@"; then
  $as_root apt-get update -q >"$log" 2>&1 || true
  install "$@" || { tail -n 20 "$log" >&2; echo "apt-get could not install: $*" >&2; exit 1; }
fi
rm -f "$log"
