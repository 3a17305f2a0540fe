#!/bin/sh
# Stands in for crontab(1) on a test server: the table is the server's own, and only its @reboot lines are ever run.
table=${SLIPWAY_BED:?}/cron/table
case "${1:--}" in
  -l) [ -e "$table" ] || { echo "no crontab for $(id -un)" >&2; exit 1; }; cat "$table" ;;
  -r) rm -f "$table" ;;
  -) cat >"$table.new" && mv "$table.new" "$table" ;;
  -*) echo "crontab: only -l, -r, - and FILE are known here" >&2; exit 1 ;;
  *) cat "$1" >"$table.new" && mv "$table.new" "$table" ;;
esac
