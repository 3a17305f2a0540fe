#!/bin/sh
# Makes a release's files from the release before and what differs, or finishes at once if they are there already.
#   sh unpack.sh NEW COUNT [OLD] <tar
# NEW must not exist yet (it appears whole or not at all). COUNT: how many files and links it must hold in the end.
# The tar holds files that are new or changed, and under the reserved name two lists, each entry ended by NUL:
# `removed` (paths to unlink: also the changed ones, so that no shared file is ever written to) and `emptied` (folders).
# Needs only sh, tar, cp, find, xargs, rm: GNU's, busybox's or BSD's.
# Exit codes: 3 NEW isn't what was expected (send everything again, without OLD), 4 OLD is missing, else a tool's own.
set -eu
umask 022
new=$1 count=$2 old=${3-}
reserved=.slipway-transfer
part=$new.part in=$new.in

if [ -d "$new" ]; then
  cat >/dev/null
  exit 0
fi
if [ -n "$old" ] && [ ! -d "$old" ]; then
  cat >/dev/null
  echo "the release before is missing: $old" >&2
  exit 4
fi
trap 'rm -rf "$part" "$in"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
rm -rf "$part" "$in"
mkdir -p "$in"
tar -xof - -C "$in"
# Some tars stop at the end mark: drain what is left, or the sender sees a broken pipe.
cat >/dev/null

if [ -n "$old" ]; then
  # Links, not copies: only what changed takes room. Not every file system has them.
  cp -al "$old" "$part" 2>/dev/null || { rm -rf "$part"; cp -a "$old" "$part"; }
else
  mkdir -p "$part"
fi
lists=$(cd "$in/$reserved" && pwd)
if [ -s "$lists/removed" ]; then (cd "$part" && xargs -0 rm -f -- <"$lists/removed"); fi
if [ -s "$lists/emptied" ] && ! (cd "$part" && xargs -0 rmdir -- <"$lists/emptied"); then
  echo "the release before holds files that it should not" >&2
  exit 3
fi
rm -rf "${in:?}/$reserved"
# Nothing in NEW has any of these names now, so this only adds.
cp -a "$in/." "$part/"

found=$(find "$part" ! -type d -exec printf '.%.0s' {} + | wc -c)
if [ "$found" -ne "$count" ]; then
  echo "the release holds $((found)) files instead of $count" >&2
  exit 3
fi
mv "$part" "$new"
