# Starts a process in a session of its own, and prints its process id once it is out of our process group.
# $1 its log; … the command
log=$1
shift
lead=setsid
# macOS has no setsid; job control gives a process group of its own, which is what counts there.
command -v setsid >/dev/null || { lead=; set -m; }
nohup $lead "$@" </dev/null >>"$log" 2>&1 &
pid=$!
until kill -0 -$pid 2>/dev/null; do
	kill -0 $pid 2>/dev/null || break
	sleep 0.05
done
echo $pid
