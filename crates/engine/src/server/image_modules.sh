# image_modules.sh ROOT ID [IMAGE]: Odoo's own modules in the image of that id, each with a hash of its files. IMAGE is another one
# that was built on it, for when it is gone itself. What was found is kept: nobody needs the image later.
# Prints `series SERIES`, `odoo HASH` (Odoo without its modules), `module NAME HASH`. Exit 4: neither image is there; 5: not found out.
set -u
umask 077
ROOT=$1 ID=${2#sha256:} OTHER=${3:-}
case $ID in ''|*[!0-9a-f]*) exit 4 ;; esac
KEPT=$ROOT/images/$ID
[ -s "$KEPT" ] && exec cat "$KEPT"
image=
for _x in "sha256:$ID" "$OTHER"; do
  [ -n "$_x" ] && docker image inspect "$_x" >/dev/null 2>&1 && { image=$_x; break; }
done
[ -n "$image" ] || exit 4
mkdir -p "$ROOT/images" || exit 5
trap 'rm -f "$KEPT.$$"' EXIT
timeout 300 docker run --rm -i --pull never --network none --label slipway.managed=1 --label slipway.role=look --entrypoint python3 "$image" - >"$KEPT.$$" <<'PY' || exit 5
import hashlib, importlib.util, os, runpy

def digest(top, without):
    whole = hashlib.sha256()
    for path, folders, files in os.walk(top):
        at = os.path.relpath(path, top)
        inside = lambda name: os.path.normpath(os.path.join(at, name))
        folders[:] = sorted(f for f in folders if f != "__pycache__" and inside(f) not in without)
        for name in sorted(files):
            if name.endswith((".pyc", ".pyo")) or inside(name) in without:
                continue
            with open(os.path.join(path, name), "rb") as file:
                content = hashlib.sha256(file.read()).digest()
            whole.update(inside(name).encode("utf-8", "surrogateescape") + b"\0" + content)
    return whole.hexdigest()[:16]

odoo = list(importlib.util.find_spec("odoo").submodule_search_locations)[0]
version = runpy.run_path(os.path.join(odoo, "release.py"))["version_info"]
print("series", "%s.%s" % (version[0], version[1]))
# Its release.py has the day that it was packaged on.
print("odoo", digest(odoo, {"addons", "tests", "release.py"}))
found = set()
for addons in (os.path.join(odoo, "addons"), os.path.join(os.path.dirname(odoo), "addons")):
    for name in sorted(os.listdir(addons)) if os.path.isdir(addons) else []:
        folder = os.path.join(addons, name)
        if name not in found and os.path.isfile(os.path.join(folder, "__manifest__.py")):
            found.add(name)
            print("module", name, digest(folder, {"tests"}))
PY
grep -q '^module base ' "$KEPT.$$" || exit 5
mv "$KEPT.$$" "$KEPT" && cat "$KEPT"
