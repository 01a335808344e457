#!/bin/sh
# Prepares .venv from the lock file, on a fresh Debian 12 machine with Python 3.11 or newer.
set -eu
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
for candidate in "$python" python3 python3.11 python3.12 python3.13; do
  if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$candidate; break; fi
done
if [ -z "${found:-}" ]; then
  echo "Gatepost needs Python 3.11 or newer. On Debian 12: apt-get install python3 python3-venv" >&2
  exit 1
fi

# Debian ships the venv module without pip's bundle unless python3-venv is installed.
if ! "$found" -c 'import ensurepip' 2>/dev/null; then
  echo "python3-venv is missing; installing it"
  sh tools/debian-install.sh python3-venv
fi

rm -f .venv/ready
[ -x .venv/bin/python ] || "$found" -m venv .venv
echo "installing the locked packages into .venv"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
.venv/bin/gatepost schema config
touch .venv/ready
