# build.sh RELEASE ENVDIR IMAGE KEYED DEPS PASSWORD_MARK ADMIN_MARK: finish the configuration, build what isn't there.
# Says "slipway-image-id ID" at the end. Exit: 21 dependencies failed · 22 release failed
set -u
umask 022
LC_ALL=C; export LC_ALL
RELEASE=$1 ENVDIR=$2 IMAGE=$3 KEYED=$4 DEPS=$5 MARK=$6 ADMIN_MARK=$7
BUILDKIT_PROGRESS=plain; export BUILDKIT_PROGRESS
say() { echo "slipway-says $1"; }
id_of() { docker image inspect -f '{{.Id}}' "$1" 2>/dev/null; }

# The passwords come from files of the server's own; awk gets their places, not their content.
umask 077
awk -v mark="$MARK" -v admin="$ADMIN_MARK" -v pf="$ENVDIR/db_password" -v af="$ENVDIR/admin_password" '
  BEGIN { getline p <pf; getline a <af }
  { i = index($0, mark); if (i) $0 = substr($0, 1, i - 1) p substr($0, i + length(mark)) }
  { i = index($0, admin); if (i) $0 = substr($0, 1, i - 1) a substr($0, i + length(admin)) }
  { print }' "$RELEASE/odoo.conf.in" >"$RELEASE/odoo.conf.new" || exit 3
chmod 644 "$RELEASE/odoo.conf.new" && mv "$RELEASE/odoo.conf.new" "$RELEASE/odoo.conf" || exit 3
umask 022

# Each question to Docker takes a twentieth of a second: both in one.
there=$(docker image inspect -f '{{range .RepoTags}}{{.}} {{end}}{{.Id}}' "$KEYED" ${DEPS:+"$DEPS"} 2>/dev/null)
is_there() { printf '%s\n' "$there" | grep -qF "$1 "; }
if is_there "$KEYED"; then
  say 'The same release image is there already'
else
  # The proxy of builds may need a password: from a file, since everybody on the server can read arguments. Docker's containers of a
  # build have it in their environment, so none is left, whatever becomes of the build.
  set --
  if [ -e "$RELEASE/docker/config.json" ]; then
    # The user's own configuration may say by its context which daemon is used, such as a rootless one.
    DOCKER_HOST=${DOCKER_HOST:-$(docker context inspect -f '{{.Endpoints.docker.Host}}' 2>/dev/null)}
    export DOCKER_HOST
    set -- --config "$RELEASE/docker"
  fi
  if [ -n "$DEPS" ]; then
    if is_there "$DEPS"; then say 'Debian and Python packages are as before'
    else
      say 'Installing Debian and Python packages'
      docker "$@" build --force-rm --label slipway.managed=1 --label slipway.role=stage -t "$DEPS" "$RELEASE/deps" </dev/null 2>&1 || exit 21
    fi
    rm -rf "$RELEASE/docker"
  fi
  say 'Building the release image'
  # Only the sources travel to the daemon, not the configuration beside them.
  mkdir -p "$RELEASE/build" && cp "$RELEASE/build/release.dockerfile" "$RELEASE/build/Dockerfile" || exit 22
  tar -cf - -C "$RELEASE/build" Dockerfile times -C "$RELEASE" src | docker build -t "$KEYED" -t "$IMAGE" - 2>&1 || exit 22
fi
# Asked of Docker, not of the build: with some image stores a build prints another id than its containers are said to run.
id=$(id_of "$IMAGE")
[ -n "$id" ] || { docker tag "$KEYED" "$IMAGE" || exit 22; id=$(id_of "$IMAGE"); }
echo "slipway-image-id $id"
