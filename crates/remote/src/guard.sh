# Runs one command and sees to it that it does not outlive whoever asked for it.
#
# $1  the most seconds it may take
# $2  how many bytes of standard input are the command's; "-" for all until end of file
# …   the command
#
# Standard input is also the life line: whoever asked keeps it open until the command has ended. When it
# closes before (cancelled, crashed, connection lost), or when the time is up, everything in this process
# group is ended. For that this shell must lead its process group. A command that gets all of standard
# input has no life line but that input's end.
#
# Outputs are closed by "exec" and not by "function >/dev/null": dash and busybox keep a copy of the old
# output open during a redirected function, and whoever reads the output would wait for it.
limit=$1 take=$2
shift 2
exec 3<&0 </dev/null
finish() {
	# Nothing to end when the command has ended already.
	kill -0 $$ || exit 0
	trap '' TERM
	kill -TERM -$$
	sleep 3
	kill -KILL -$$
}
clock() {
	exec >/dev/null 2>&1 3<&-
	while [ "$limit" -gt 0 ]; do
		kill -0 $$ || exit 0
		# In short naps, so that one left behind is soon gone.
		nap=5
		[ "$limit" -ge 5 ] || nap=$limit
		sleep "$nap"
		limit=$((limit - nap))
	done
	finish
}
line() {
	exec >/dev/null 2>&1
	cat <&3
	finish
}
clock &
clock=$!
case $take in
-) "$@" <&3 3<&- ;;
0) line & "$@" 3<&- ;;
*) { head -c "$take" <&3; line & } | "$@" 3<&- ;;
esac
code=$?
kill $clock 2>/dev/null
exit $code
