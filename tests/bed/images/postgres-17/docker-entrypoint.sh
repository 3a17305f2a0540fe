#!/bin/bash
# The official image's contract: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB (each also as _FILE), POSTGRES_INITDB_ARGS,
# POSTGRES_HOST_AUTH_METHOD and /docker-entrypoint-initdb.d are used once, when PGDATA is empty. Local sockets are trusted.
set -Eeuo pipefail

file_env() { # NAME DEFAULT: NAME, or what the file named by NAME_FILE says
  local file=${1}_FILE
  if [ -n "${!1:-}" ] && [ -n "${!file:-}" ]; then
    echo >&2 "error: both $1 and $file are set"
    exit 1
  fi
  if [ -n "${!file:-}" ]; then printf -v "$1" '%s' "$(cat "${!file}")"; else printf -v "$1" '%s' "${!1:-$2}"; fi
  export "${1?}"
  unset "$file"
}

initialise() {
  local auth=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256} args=()
  if [ -z "$POSTGRES_PASSWORD" ] && [ "$auth" != trust ]; then
    echo >&2 'Error: Database is uninitialized and superuser password is not specified.'
    exit 1
  fi
  # Splitting POSTGRES_INITDB_ARGS into words is what it is for.
  read -ra args <<<"${POSTGRES_INITDB_ARGS:-}"
  initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") --auth-local=trust --auth-host=scram-sha-256 "${args[@]}"
  printf '\nhost all all all %s\n' "$auth" >>"$PGDATA/pg_hba.conf"

  # Nobody gets in by the network before everything is set up.
  PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start
  local sql=(psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --no-password)
  if [ "$POSTGRES_DB" != postgres ]; then
    echo 'CREATE DATABASE :"db"' | "${sql[@]}" --dbname postgres --set db="$POSTGRES_DB"
  fi
  local f
  # shellcheck disable=SC1090 # scripts that aren't executable are read, as in the official image
  for f in /docker-entrypoint-initdb.d/*; do
    case $f in
      *.sh) if [ -x "$f" ]; then "$f"; else . "$f"; fi ;;
      *.sql) "${sql[@]}" --dbname "$POSTGRES_DB" -f "$f" ;;
      *.sql.gz) gunzip -c "$f" | "${sql[@]}" --dbname "$POSTGRES_DB" ;;
    esac
  done
  PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -m fast -w stop
  echo 'PostgreSQL init process complete; ready for start up.'
}

case "${1:-}" in -*) set -- postgres "$@" ;; esac
if [ "${1:-}" = postgres ]; then
  if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chmod 00700 "$PGDATA"
    find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
    find /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
    exec gosu postgres "$0" "$@"
  fi
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    file_env POSTGRES_PASSWORD ''
    file_env POSTGRES_USER postgres
    file_env POSTGRES_DB "$POSTGRES_USER"
    export PGPASSWORD=$POSTGRES_PASSWORD
    initialise
    unset PGPASSWORD
  fi
fi
exec "$@"
