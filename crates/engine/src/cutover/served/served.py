"""Compares what a new release serves of its modules' static files with what was deployed. Runs in the release's container,
where its files stand, on Python's own library alone (3.7 and newer).

Standard input: one fact a line, its name, a tab, and what it is.
  site HOST                 the name that the site answers to
  ask HOST:PORT             where the new release answers
  old HOST:PORT             where the one answers that still serves, if one does
  seconds N                 how long this may take
  installed MODULE
  called BUNDLE             one that a page's template calls
  touched PATTERN           what a record of ir.asset takes out of bundles
  view BUNDLE ADDRESS       a file that a view puts into a bundle (14.0)
  file ADDRESS PATH         a static file that changed: its address, and its place here; where nothing is, it was removed
Standard output, likewise: `served ADDRESS SHA256` for each answer that is right, `unchecked WHAT WHY`, `differs WHAT HOW`, and
at last `checked HOW-MANY`. Exit: 0, or 3 when something differs.

Nothing counts as different unless it certainly is: what can't be decided is said to be unchecked.
"""
import hashlib
import sys

MOST_BUNDLES = 12
PAGES = ("/web/login", "/")
KINDS = {"js": "js", "xml": "js", "css": "css", "scss": "css", "sass": "css", "less": "css"}


class Check:
    def __init__(self, facts, visitor, old, bundles):
        self.visitor, self.old, self.bundles = visitor, old, bundles
        self.files = {fact[0]: fact[1] for fact in facts["file"]}
        self.called = {fact[0] for fact in facts["called"]}
        self.views = {}
        for bundle, address in facts["view"]:
            self.views.setdefault(address, set()).add(bundle)
        self.checked, self.seen, self.found, self.before = set(), set(), set(), {}
        self.differences = 0

    def run(self):
        for address, path in sorted(self.files.items()):
            self.trying(address, self.by_address, address, path)
        sources = {address: path for address, path in sorted(self.files.items()) if kind_of(address)}
        if sources:
            self.in_bundles(sources)
        self.say("checked", "%s in %s" % (count(self.checked, "file"), count({name for name, _ in self.seen}, "bundle")))
        return 3 if self.differences else 0

    def say(self, *words):
        print("\t".join(words), flush=True)

    def differs(self, what, how):
        self.differences += 1
        self.say("differs", what, how)

    def trying(self, what, question, *args):
        try:
            return question(*args)
        except UNANSWERED as error:
            self.say("unchecked", what, "no answer: %s" % (str(error) or type(error).__name__))

    # --- each file by its own address

    def by_address(self, address, path):
        right = content(path)
        if right is None or len(right) > LARGEST:
            return
        status, headers, body = self.visitor.get(quote(address))
        if status == 404 and re.fullmatch(r"(/\w[\w.-]*)+", address, re.A):
            return self.differs(address, "is not served")
        if status != 200 or headers.get("Content-Encoding"):
            return self.say("unchecked", address, "HTTP %d" % status)
        if body != right:
            return self.differs(address, "is served with another content")
        self.checked.add(address)
        self.say("served", quote(address), digest(body))
        if self.old:
            self.trying(address, self.by_browsers, address, right)

    def by_browsers(self, address, right):
        """A browser that has the old file asks with its marks whether that is still good."""
        status, headers, body = self.old.get(quote(address))
        if status == 200:
            self.before[address] = body.decode("utf-8", "replace")
        marks = {"If-None-Match": headers.get("ETag"), "If-Modified-Since": headers.get("Last-Modified")}
        marks = {name: mark for name, mark in marks.items() if mark}
        if status == 200 and body != right and marks and self.visitor.get(quote(address), marks)[0] == 304:
            self.differs(address, "changed, but browsers that have the old one are told to keep it")

    # --- files in bundles

    def in_bundles(self, sources):
        linked = {}
        for page in PAGES:
            linked.update(self.trying(page, self.visitor.links, page) or {})
        sought = self.sought(sources, linked)
        for bundle in sought[:MOST_BUNDLES]:
            self.trying(".".join(bundle), self.in_bundle, bundle, linked.get(bundle), sources)
        for bundle in sought[MOST_BUNDLES:]:
            self.say("unchecked", ".".join(bundle), "one bundle too many")
        for address, path in sources.items():
            if self.views and content(path) is not None:
                self.by_views(address, linked)

    def by_views(self, address, linked):
        """14.0: a page takes a bundle whole, or in parts such as `web.assets_frontend_lazy`; which part has what isn't known."""
        kind = kind_of(address)
        for name in sorted(self.views.get(address, ())):
            taken = {bundle for bundle in linked if bundle[1] == kind and bundle[0].startswith(name)}
            if not taken and not is_for_tests(name):
                self.say("unchecked", address, "%s.%s is served to nobody without a login" % (name, kind))
            elif taken and taken <= self.seen and address not in self.found and self.bundles.is_certain(address):
                self.differs("%s in %s.%s" % (address, name, kind), "is missing")

    def sought(self, sources, linked):
        """The bundles to ask for: for each that names a file, one that has it; those first that a page takes."""
        found = set()
        for address in sources:
            kind = kind_of(address)
            naming = self.bundles.naming(address) | self.views.get(address, set())
            found |= {(self.one_with(name, kind, linked), kind) for name in naming if not is_for_tests(name)}
            if self.views or content(sources[address]) is None:
                # In what bundle it is, or was, isn't known for certain: it may be in any.
                found |= {bundle for bundle in linked if bundle[1] == kind}
        return sorted(found, key=lambda bundle: (bundle not in linked, bundle))

    def one_with(self, name, kind, linked):
        """A bundle that visitors take and that has all of this one: most that have it are it, and a little more."""
        outer = sorted(self.bundles.with_all_of(name), key=lambda other: (other != name, len(other), other))
        on_pages = [other for other in outer if (other, kind) in linked]
        if self.views:
            on_pages = sorted(other for other, of in linked if of == kind and other.startswith(name))
        called = [other for other in outer if other in self.called and not is_for_tests(other)]
        return (on_pages + called + [name])[0]

    def in_bundle(self, bundle, link, sources):
        name, kind = bundle
        link = link or self.visitor.link(name, kind)
        if not link:
            return None if self.views else self.say("unchecked", ".".join(bundle), "it is served to nobody without a login")
        status, body, link = self.visitor.follow(link)
        if status == 404:
            # Another release that stands on this database may have put its own in its place: a page knows the new address.
            again = {}
            for page in PAGES:
                again.update(self.visitor.links(page))
            status, body, link = self.visitor.follow(again.get(bundle, link))
        if status != 200:
            return self.say("unchecked", ".".join(bundle), "HTTP %d" % status)
        text, before = body.decode("utf-8", "replace"), self.differences
        if COMPILE_ERROR in text:
            self.differs(name, "has older styles, since those of this release don't compile")
        self.seen.add(bundle)
        there = {"xml": templates(text)} if kind == "js" else {}
        there[""] = parts(text)
        for address, path in sources.items():
            if kind_of(address) == kind:
                self.in_text(name, link, address, path, there.get(address.rpartition(".")[2], there[""]))
        if self.differences == before:
            self.say("served", link, digest(body))

    def in_text(self, name, link, address, path, there):
        right, part = content(path), there.get(address)
        where = "%s in %s" % (address, link.rpartition("/")[2])
        if right is None:
            # Odoo complains in a script's place when a manifest still names it.
            if part and bare(str(part)) and "console.error" not in part:
                self.differs(where, "was removed, but is still there")
            return
        source = right.decode("utf-8", "replace")
        if part is None:
            expected = name in self.bundles.holding(address) and self.bundles.is_certain(address)
            if expected and kind_of(address) == "js" and address.endswith(".xml"):
                # Before 17.0 templates come in another form; and a file may hold none.
                expected = bool(there) and same_templates(source, []) is False
            if expected:
                self.found.add(address)
                self.differs(where, "is missing")
            return
        self.found.add(address)
        verdict = same_templates(source, part) if address.endswith(".xml") else same(address, source, part, self.before.get(address, ""))
        if verdict is False:
            self.differs(where, "has another content")
        elif verdict is None:
            self.say("unchecked", where, "nothing of it could be compared")
        else:
            self.checked.add(address)


def kind_of(address):
    return KINDS.get(address.rpartition(".")[2].lower())


def is_for_tests(bundle):
    return bool(re.search(r"test|qunit", bundle))


def count(things, word):
    return "%d %s%s" % (len(things), word, "" if len(things) == 1 else "s")


def digest(body):
    return hashlib.sha256(body).hexdigest()


def content(path):
    try:
        with open(path, "rb") as file:
            return file.read(LARGEST + 1)
    except OSError:
        return None


def read_facts(lines):
    facts = {name: [] for name in ("site", "ask", "old", "seconds", "installed", "called", "touched", "view", "file")}
    for line in lines:
        name, *words = line.rstrip("\n").split("\t")
        if name in facts and words and words[0]:
            facts[name].append(words)
    installed = {fact[0] for fact in facts["installed"]}
    facts["file"] = [fact for fact in facts["file"] if fact[0].split("/")[1] in installed]
    return facts


def main():
    facts = read_facts(sys.stdin)
    until = time.monotonic() + int(facts["seconds"][0][0])
    visitors = [Visitor(fact[0], facts["site"][0][0], until) for name in ("ask", "old") for fact in facts[name][:1]]
    folders = addons_folders(fact[1] for fact in facts["file"])
    bundles = Bundles(folders, [fact[0] for fact in facts["installed"]], [fact[0] for fact in facts["touched"]])
    return Check(facts, visitors[0], visitors[1] if len(visitors) > 1 else None, bundles).run()


if __name__ == "__main__":
    sys.exit(main())
