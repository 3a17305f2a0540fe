# lock FD FILE SECONDS: takes a file's lock for ourselves alone, and waits for it no longer than that. busybox knows no flock -w.
lock() {
  eval "exec $1>>\"\$2\"" || return 1
  turns=$(($3 * 5))
  until flock -n -x "$1"; do
    [ "$turns" -gt 0 ] || return 1
    turns=$((turns - 1))
    sleep 0.2
  done
}
