# --- an entry that ends us after a reboot
boot_line() { printf '@reboot /bin/sh %s boot %s >/dev/null 2>&1 # slipway %s %s\n' "$(sq "$SELF")" "$(sq "$PLAN")" "$SLUG" "$DEP" | sed 's/%/\\%/g'; }
sq()        { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }
# Of anacron's and fcron's daemons none runs the @reboot lines of crontab(1).
cron_alive() { command -v crontab >/dev/null && cat /proc/[0-9]*/comm 2>/dev/null | grep -qxE 'crond?'; }
crontab_with() ( # COMMAND whose output is added; a table that can't be read is left alone
  lone; lock 7 "$ROOT/boot.lock" 10 || return 1
  crontab -l >"$DIR/crontab" 2>"$DIR/crontab.err" || grep -qiE 'no crontab|no such file' "$DIR/crontab.err" || return 1
  { grep -v "# slipway $SLUG $DEP\$" "$DIR/crontab"; "$@"; } | crontab - )
unit_dir() { if [ "$(id -u)" = 0 ]; then echo /etc/systemd/system; else echo "$HOME/.config/systemd/user"; fi; }
sysctl_()  { if [ "$(id -u)" = 0 ]; then systemctl "$@" 8>&- 9>&-; else systemctl --user "$@" 8>&- 9>&-; fi; }
boot_entry() { # says who ends this cutover after a reboot
  if cron_alive && crontab_with boot_line; then echo crontab >"$DIR/boot.kind"; echo 'by cron'; return 0; fi
  if [ -d /run/systemd/system ] && command -v systemctl >/dev/null; then
    _u=$(unit_dir)/slipway-$SLUG-$DEP.service
    mkdir -p "${_u%/*}" && printf '[Unit]\nAfter=docker.service network-online.target\n[Service]\nType=oneshot\nTimeoutStartSec=infinity\nExecStart=/bin/sh "%s" boot "%s"\n[Install]\nWantedBy=%s\n' \
      "$SELF" "$PLAN" "$([ "$(id -u)" = 0 ] && echo multi-user || echo default).target" >"$_u" &&
      { [ "$(id -u)" = 0 ] || loginctl enable-linger 8>&- 9>&-; } && sysctl_ enable "${_u##*/}" && { echo systemd >"$DIR/boot.kind"; echo 'by systemd'; return 0; }
    rm -f "$_u"
  fi
  echo 'when a desktop connects'
  warn 'no cron and no systemd here: after a reboot in the middle, nobody ends this cutover until a desktop connects'; }
boot_clear() {
  case $(cat "$DIR/boot.kind" 2>/dev/null) in
    crontab) crontab_with : ;;
    systemd) sysctl_ disable "slipway-$SLUG-$DEP.service"; rm -f "$(unit_dir)/slipway-$SLUG-$DEP.service" ;;
  esac >/dev/null 2>&1 && rm -f "$DIR/boot.kind"; }

