# files.sh VOLUME IMAGE FOLDER: those files of a filestore that are named on standard input, a line each, as far as they are there.
# Docker would keep all that passes as the container's log. And the container has to end when whoever asked goes away.
set -u
exec docker run -i --rm --init --log-driver none --pull never --network none -u 0 \
  --label slipway.managed=1 --label slipway.role=files \
  -v "$1:/var/lib/odoo:ro" --entrypoint sh "$2" -c '
  cd "/var/lib/odoo/filestore/$1" || exit 1
  while IFS= read -r path; do [ -f "$path" ] && printf "%s\0" "$path"; done | tar --null --no-recursion -T - -cf -' sh "$3"
