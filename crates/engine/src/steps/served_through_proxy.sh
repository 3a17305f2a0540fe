# Asks through the proxy once more for what the cutover's check found right.
# $1 the cutover's folder, $2 the site's name, $3 the slot that is live, $4 the proxy's container. Says for each address
# `same ADDRESS` or `other ADDRESS`; nothing for one that gives an error.
sed -n 's/^served.//p' "$1/served.said" 2>/dev/null | head -n 100 | timeout 60 docker exec -i "$4" sh -c '
  body=$(mktemp) || exit 1
  while read -r address sum; do
    wget -q -T 20 -O "$body" --header "Host: $1" --header "X-Forwarded-Proto: https" --header "X-Slipway-Slot: $2" \
      "http://127.0.0.1:9001$address" </dev/null 2>/dev/null || continue
    case $(sha256sum <"$body") in "$sum "*) echo "same $address" ;; *) echo "other $address" ;; esac
  done
  rm -f "$body"' sh "$2" "$3"
