#!/bin/sh
# Deploys a commit by hand, as a careful person writes it down for one server: hand.sh COMMIT
# From the environment: WORK (this script's folder), SLUG and DB (whose database and network are used), LABEL.
set -eu
commit=$1 new=$SLUG-hand-$(echo "$1" | cut -c1-12)
old=$(cat "$WORK/live" 2>/dev/null || true)

cd "$WORK/src"
git fetch -q origin
git checkout -q "$commit"
docker build -q --label "$LABEL" -t "$new" . >/dev/null

docker exec "slipway-$SLUG-db" pg_dump -U postgres -Fc -Z zstd:3 "$DB" >"$WORK/dump.part"
mv "$WORK/dump.part" "$WORK/dump"
[ -z "$old" ] || docker exec -u 0 "$old" sh -c 'cd /var/lib/odoo/filestore && rm -rf by_hand && cp -al "$1" by_hand' sh "$DB"

docker run -d --name "$new" --label "$LABEL" --network "slipway-$SLUG" --cpus 1 --memory 768m --init \
  -v "$WORK/odoo.conf:/etc/odoo/odoo.conf:ro" -v "slipway-$SLUG-data:/var/lib/odoo" \
  --entrypoint odoo "$new" --config=/etc/odoo/odoo.conf >/dev/null
tries=0
for path in /web/health /web/login; do
  until docker exec "$SLUG-hand-caddy" wget -q -T 20 -O /dev/null "http://$new:8069$path" 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || { echo "$new does not become healthy"; docker rm -f "$new"; exit 1; }
    sleep 0.1
  done
done

states=$(docker exec "slipway-$SLUG-db" psql -XAtq -U postgres -d "$DB" -c "select count(*) from ir_module_module where state like 'to %'")
[ "$states" = 0 ] || { echo "$states modules are not as they should be"; docker rm -f "$new"; exit 1; }

printf ':80 {\n\treverse_proxy %s:8069\n}\n' "$new" >"$WORK/caddy/Caddyfile"
docker exec "$SLUG-hand-caddy" caddy reload --config /etc/caddy/Caddyfile 2>/dev/null
docker exec "$SLUG-hand-caddy" wget -q -T 20 -O /dev/null http://127.0.0.1/web/login
echo "$new" >"$WORK/live"
[ -z "$old" ] || { docker stop -t 30 "$old" && docker rm "$old" && docker image rm "$old"; } >/dev/null
