# prune_dependencies ROOT: remove the images of dependencies that nothing stands on any more. They are shared by all environments
# of a server, so the images of all releases are asked, and the records of releases that are still to be built.
prune_dependencies() {
  docker images --filter label=slipway.managed=1 --filter label=slipway.role=stage --format '{{.Repository}}:{{.Tag}}' slipway/deps |
    while read -r deps; do
      case $deps in *'<none>') continue ;; esac
      used=$(docker images -q --filter "label=slipway.deps=$deps") || continue
      [ -z "$used" ] || continue
      grep -qsF "\"$deps\"" "$1"/*/releases/*/release.json && continue
      docker rmi "$deps" </dev/null >/dev/null 2>&1 && echo "image $deps"
    done
}

