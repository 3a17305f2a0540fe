# write.sh DIR DEPLOYMENT LINE: add one line of JSON to the environment's history, unless it tells of that deployment already.
set -eu
umask 077
mkdir -p "$1"
file=$1/history.jsonl
# A line that a full disk left unfinished mustn't spoil the next one.
if [ -s "$file" ]; then
  grep -qF "\"deployment\":\"$2\"" "$file" && exit 0
  [ -z "$(tail -c 1 "$file")" ] || echo >>"$file"
fi
printf '%s\n' "$3" >>"$file"
