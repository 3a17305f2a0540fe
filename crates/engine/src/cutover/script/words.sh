#!/bin/sh
# One cut over of one environment. It finishes, or it undoes itself, whether or not a desktop is there.
#   cutover.sh start  PLAN          detach a guarded run, return once its journal has begun
#   cutover.sh guard  PLAN          the run, and its undoing should the run die without a last word
#   cutover.sh run    PLAN          the run alone
#   cutover.sh revert PLAN          end an unfinished run whose process is gone: back before the commit, forward after it
#   cutover.sh boot   PLAN          the same after a reboot: waits for Docker first
#   cutover.sh status PLAN          none | running | dead | committed | reverted | cancelled | revert_failed
#   cutover.sh follow PLAN OFFSET   the journal from that byte on, until its end or {"ev":"dead"}
#   cutover.sh cancel PLAN          cancelling | too_late | not_running
# Exit: 0 committed (or nothing to do) · 10 failed and reverted · 11 cancelled and reverted · 12 lock held · 20 revert failed · 64 usage
# Journal: one JSON object a line, each on the disk before what it announces is begun. The line `"action":"commit","ev":"start"` is the
# point of no return. A journal that is there and has lost its lines says that something was begun: what is there tells how far it got.
set -u
umask 077
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin
export LC_ALL PATH
[ $# -ge 2 ] || { sed -n '2,13p' "$0" >&2; exit 64; }
MODE=$1 PLAN=$2
case $PLAN in */*) ;; *) PLAN=./$PLAN ;; esac           # `. name` would search PATH
. "$PLAN" || exit 64
J=$DIR/journal.jsonl
APP=slipway-$DEP                      # marks our sessions in PostgreSQL
FILES=slipway-$SLUG-$DEP-files         # the container that moves files in the data volume
OLD_AT=$SLUG-${OLD_SLOT:-none}:8069 NEW_AT=$SLUG-$NEW_SLOT:8069
ACT=
CHILD=
TALKS='' INTERRUPTS='' CRONS='' FILES_UP='' STOP='' WS='' RELINK='' WRITES=''
STRICT=                               # set on the way forward: what the journal can't record isn't done

# --- on the disk
durable() { # FILE…: these and the journal, with their names
  sync "$@" "$J" "$DIR" 2>/dev/null || sync; }
recorded() { sync "$J" 2>/dev/null || sync; }
dead_pid() { ! kill -0 "$1" 2>/dev/null; }

