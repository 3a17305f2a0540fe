# disk.sh DIR ODOO DATABASE: say the kilobytes that an environment takes: its files, its database, its releases and snapshots.
# ODOO and DATABASE are its containers. Exit: 1 one of them could not be looked at
set -u
kilobytes() { awk 'NR == 1 && $1 ~ /^[0-9]+$/ { print $1; found = 1 } END { exit !found }'; }
# Whoever works on the server comes first. Files that go away meanwhile are no failure.
files=$(docker exec -u 0 "$2" nice -n 19 du -sk /var/lib/odoo 2>/dev/null | kilobytes) || exit 1
database=$(docker exec -u 0 "$3" sh -c 'nice -n 19 du -sk "${PGDATA:-/var/lib/postgresql}"' 2>/dev/null | kilobytes) || exit 1
own=$(nice -n 19 du -sk "$1" 2>/dev/null | kilobytes) || exit 1
echo $((files + database + own))
