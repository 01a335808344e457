#!/bin/sh
# Makes sure that the programs which the tests drive are there: a RabbitMQ broker, strace and openssl.
set -eu
cd "$(dirname "$0")/.."
missing=""
[ -d /usr/lib/rabbitmq/lib ] || missing="$missing rabbitmq-server"
command -v strace >/dev/null || missing="$missing strace"
command -v openssl >/dev/null || missing="$missing openssl"
if [ -n "$missing" ]; then
  echo "installing for the tests:$missing"
  # shellcheck disable=SC2086
  sh tools/debian-install.sh $missing
fi
