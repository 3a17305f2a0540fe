# Sourced by the scripts beside it: where things are kept, and how they talk.
# shellcheck shell=bash

# All that is expensive to make (a Docker data root, image tarballs) is kept here, outside the tree.
SLIPWAY_CACHE=${SLIPWAY_CACHE:-${HOME:?}/.cache/slipway}
# The socket of a Docker daemon that these scripts start. Unix sockets have at most 107 bytes of path.
SLIPWAY_DOCKER_SOCK=${SLIPWAY_DOCKER_SOCK:-$SLIPWAY_CACHE/run/docker.sock}
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export SLIPWAY_CACHE SLIPWAY_DOCKER_SOCK ROOT

# Standard output belongs to results (such as DOCKER_HOST); everything said to a person goes to standard error.
say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command as root: directly, or by sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif have sudo; then sudo -- "$@"
  else die "this needs root, and there is no sudo: $*"
  fi
}

# A mirror of a distribution (debian, ubuntu), out of this machine's apt sources. SLIPWAY_DEBIAN_MIRROR names Debian's otherwise.
mirror() {
  local url=
  [ "$1" != debian ] || url=${SLIPWAY_DEBIAN_MIRROR:-}
  if [ -z "$url" ] && grep -qs "^ID=$1\$" /etc/os-release; then
    # shellcheck disable=SC2016 # apt fills these in, not the shell
    url=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 2>/dev/null |
      awk -v of="/$1/?\$" '$2 !~ /security/ && $1 ~ of {print $1; exit}')
  fi
  [ -n "$url" ] || die "can't tell a mirror of $1 from this machine's apt sources. Name one: SLIPWAY_DEBIAN_MIRROR=…"
  echo "${url%/}"
}

# Is a daemon answering at this DOCKER_HOST?
docker_answers() { DOCKER_HOST=$1 timeout 5 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# Use the suite's daemon for every docker command that follows.
use_docker() {
  DOCKER_HOST=$("$ROOT/scripts/dockerd") || exit 1
  export DOCKER_HOST
}

# Is what the app is built with there (scripts/setup app)?
can_build_app() { pkg-config --exists webkit2gtk-4.1 2>/dev/null; }

# The screens' packages, installed once for each lock file.
screens() {
  [ "$ROOT/node_modules/.package-lock.json" -nt "$ROOT/package-lock.json" ] ||
    npm ci --prefix "$ROOT" --no-audit --no-fund
}

# All Rust but the app, which is built apart: it needs much that nothing else does, and would change what the rest is built with.
PACKAGES=(--workspace --exclude slipway-app)
export PACKAGES
