# Installs Docker from the system's own packages and lets this user use it. Says what it does, a line each.
# 20: neither root nor sudo without a password. 21: a system whose packages aren't known here.
set -eu
exec 2>&1

root=
if [ "$(id -u)" != 0 ]; then
  sudo -n true 2>/dev/null || { echo "This user is not root, and sudo asks for a password."; exit 20; }
  root="sudo -n"
fi
user=$(id -un)

if command -v apt-get >/dev/null; then
  $root env DEBIAN_FRONTEND=noninteractive apt-get update
  $root env DEBIAN_FRONTEND=noninteractive apt-get install -y docker.io
  # Since Debian 13 its client is a package that is only recommended.
  command -v docker >/dev/null || $root env DEBIAN_FRONTEND=noninteractive apt-get install -y docker-cli
elif command -v dnf >/dev/null; then
  $root dnf install -y docker || $root dnf install -y moby-engine
elif command -v zypper >/dev/null; then
  $root zypper --non-interactive install docker
elif command -v pacman >/dev/null; then
  $root pacman -S --noconfirm --needed docker
elif command -v apk >/dev/null; then
  $root apk add docker
else
  echo "This system's package manager is not known here."
  exit 21
fi

if command -v systemctl >/dev/null && [ -d /run/systemd/system ]; then
  $root systemctl enable --now docker
elif command -v rc-update >/dev/null; then
  $root rc-update add docker default
  $root rc-service docker start || true
elif command -v service >/dev/null; then
  $root service docker start || true
fi

if [ "$user" != root ]; then
  getent group docker >/dev/null || $root groupadd docker
  $root usermod -aG docker "$user"
  echo "The user $user may use Docker from its next login on."
fi

tries=0
until answer=$($root docker version --format '{{.Server.Version}}' 2>&1); do
  tries=$((tries + 1))
  [ "$tries" -lt 30 ] || { echo "$answer"; exit 22; }
  sleep 1
done
echo "Docker $answer answers."
