# files.sh VOLUME DB FOLDER: those files of a filestore that are named on standard input, a line each, as far as they are there.
# Docker would keep all that passes as the container's log. And the container has to end when whoever asked goes away.
set -u
# The image that the database runs from is there, whatever image a newer Slipway would take.
image=$(docker inspect -f '{{.Image}}' "$2") || exit 1
exec docker run -i --rm --init --log-driver none --pull never --network none -u 0 \
  --label slipway.managed=1 --label slipway.role=files \
  -v "$1:/var/lib/odoo:ro" --entrypoint sh "$image" -c '
  cd "/var/lib/odoo/filestore/$1" || exit 1
  while IFS= read -r path; do [ -f "$path" ] && printf "%s\0" "$path"; done | tar --null --no-recursion -T - -cf -' sh "$3"
