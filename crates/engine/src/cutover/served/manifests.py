"""Tells which bundles a file belongs to, by what the modules' manifests say (`assets`, from 15.0 on)."""
import ast
import importlib.util
import os
import re


def addons_folders(files):
    """Where modules stand: those of the release's own files, those of the configuration, and Odoo's."""
    found = {path.partition("/static/")[0].rpartition("/")[0] for path in files}
    try:
        with open(os.environ.get("ODOO_RC", "/etc/odoo/odoo.conf"), encoding="utf-8") as conf:
            for line in conf:
                name, _, value = line.partition("=")
                if name.strip() == "addons_path":
                    found.update(folder.strip() for folder in value.split(","))
    except OSError:
        pass
    odoo = importlib.util.find_spec("odoo")
    for place in (odoo and odoo.submodule_search_locations) or []:
        found.update([os.path.join(place, "addons"), os.path.join(os.path.dirname(place), "addons")])
    return sorted(found)


class Bundles:
    """The bundles of a database: what each takes files from, and which others it includes."""

    def __init__(self, folders, installed, touched):
        self.patterns, self.included_by = {}, {}
        # What a manifest or a record takes out of a bundle: then its place in a bundle isn't certain.
        self.taken_out = [glob(pattern) for pattern in touched if pattern]
        for module in installed:
            for bundle, commands in self.read(folders, module).items():
                for command in commands if isinstance(commands, (list, tuple)) else []:
                    self.add(bundle, (command,) if isinstance(command, str) else tuple(command))

    @staticmethod
    def read(folders, module):
        for folder in folders:
            try:
                with open(os.path.join(folder, module, "__manifest__.py"), encoding="utf-8") as manifest:
                    assets = ast.literal_eval(manifest.read()).get("assets")
                    return assets if isinstance(assets, dict) else {}
            except (OSError, ValueError, SyntaxError, AttributeError):
                continue
        return {}

    def add(self, bundle, command):
        if not all(isinstance(word, str) for word in command):
            return
        what = command[0] if len(command) > 1 else "append"
        if what == "include":
            self.included_by.setdefault(command[1], set()).add(bundle)
        elif what == "remove":
            self.taken_out.append(glob(command[1]))
        else:
            if what == "replace":
                self.taken_out.append(glob(command[1]))
            self.patterns.setdefault(bundle, []).append(glob(command[-1]))

    def naming(self, address):
        """The bundles whose lists name this file."""
        return {bundle for bundle, patterns in self.patterns.items() if any(p.match(address) for p in patterns)}

    def with_all_of(self, bundle):
        """This bundle, and those that include it, directly or by another."""
        found, new = set(), {bundle}
        while new:
            found |= new
            new = {outer for inner in new for outer in self.included_by.get(inner, ())} - found
        return found

    def holding(self, address):
        """The bundles that have this file, by their own lists or by another's that they include."""
        return {outer for bundle in self.naming(address) for outer in self.with_all_of(bundle)}

    def is_certain(self, address):
        """Whether nothing takes this file out of its bundles again. A theme's files are for its own website alone."""
        module = address.split("/")[1]
        return not module.startswith("theme_") and not any(p.match(address) for p in self.taken_out)


def glob(pattern):
    """A manifest's pattern as a regular expression over addresses."""
    text = "/" + pattern.lstrip("/")
    out, at = "", 0
    while at < len(text):
        if text.startswith("**/", at):
            out, at = out + "(?:.*/)?", at + 3
        elif text.startswith("**", at):
            out, at = out + ".*", at + 2
        elif text[at] == "*":
            out, at = out + "[^/]*", at + 1
        elif text[at] == "?":
            out, at = out + "[^/]", at + 1
        elif text[at] == "[" and "]" in text[at + 2:]:
            end = text.index("]", at + 2)
            inside = text[at + 1:end]
            out, at = out + "[" + ("^" + inside[1:] if inside[0] == "!" else inside).replace("\\", "\\\\") + "]", end + 1
        else:
            out, at = out + re.escape(text[at]), at + 1
    try:
        return re.compile(out + r"\Z")
    except re.error:
        return re.compile(r"\Z.")
