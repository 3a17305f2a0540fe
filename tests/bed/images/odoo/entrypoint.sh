#!/bin/bash
# The official image's contract: HOST, PORT, USER, PASSWORD or PASSWORD_FILE say where the database is, unless
# the configuration file does; `odoo …` and options start Odoo, anything else is run as it is.
set -e

if [ -n "${PASSWORD_FILE:-}" ]; then PASSWORD=$(cat "$PASSWORD_FILE"); fi

declare -a db
from_config_or() { # OPTION VALUE
  local value=$2 line
  if line=$(grep -E "^[[:space:]]*$1[[:space:]]*=" "$ODOO_RC"); then
    value=$(printf '%s' "${line#*=}" | tr -d ' "\r\n')
  fi
  db+=("--$1" "$value")
}
from_config_or db_host "${HOST:-db}"
from_config_or db_port "${PORT:-5432}"
from_config_or db_user "${USER:-odoo}"
from_config_or db_password "${PASSWORD:-odoo}"

case "${1:-}" in
  -- | odoo)
    shift
    [ "${1:-}" != scaffold ] || exec odoo "$@"
    wait-for-psql "${db[@]}"
    exec odoo "$@" "${db[@]}"
    ;;
  -*)
    wait-for-psql "${db[@]}"
    exec odoo "$@" "${db[@]}"
    ;;
  *) exec "$@" ;;
esac
