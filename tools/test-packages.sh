#!/bin/sh
# Makes sure that what the tests drive is there: a RabbitMQ broker, strace, openssl, and a clock that can be set.
set -eu
cd "$(dirname "$0")/.."
missing=""
[ -d /usr/lib/rabbitmq/lib ] || missing="$missing rabbitmq-server"
command -v strace >/dev/null || missing="$missing strace"
command -v openssl >/dev/null || missing="$missing openssl"
ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || missing="$missing libfaketime"
if [ -n "$missing" ]; then
  echo "installing for the tests:$missing"
  # shellcheck disable=SC2086
  sh tools/debian-install.sh $missing
fi
