# history.sh DIR LINE: add one line of JSON to the environment's history.
set -eu
umask 077
mkdir -p "$1"
printf '%s\n' "$2" >>"$1/history.jsonl"
