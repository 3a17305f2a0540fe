"""Tests of what compares a release's static files with what is served: bundles as 14.0 and 19.0 make them."""
import contextlib
import io
import os
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
for part in ("compare", "manifests", "visitor", "served"):
    with open(os.path.join(HERE, part + ".py"), encoding="utf-8") as text:
        exec(compile(text.read().replace('if __name__ == "__main__"', "if False"), part, "exec"), globals())

SCRIPT = '''/** @odoo-module **/
import { registry } from "@web/core/registry";
import { Component, xml } from "@odoo/owl";
// http://example.com/ it's
export const MARK = "one";
export class AcmeMark extends Component {
    static template = xml`<div class="x">${"a"} // no comment</div>`;
    /* a "comment */
    setup() { this.re = /\\/\\*x/; this.text = "a // b"; }
}
registry.category("acme").add("mark", { MARK });
'''
# As 19.0 makes it of the above, but for line breaks.
TRANSPILED = (
    "odoo.define('@acme_web/mark',['@web/core/registry','@odoo/owl'],function(require){'use strict';let __exports={};"
    'const{registry}=require("@web/core/registry");const{Component,xml}=require("@odoo/owl");'
    'const MARK=__exports.MARK="one";const AcmeMark=__exports.AcmeMark=class AcmeMark extends Component{'
    'static template=xml`<div class="x">${"a"} // no comment</div>`;setup(){this.re=/\\/\\*x/;this.text="a // b";}}\n'
    'registry.category("acme").add("mark",{MARK});return __exports;});'
)
OLD_SCRIPT = '''odoo.define('acme.mark', function (require) {
    'use strict';
    var core = require('web.core'); // one
    core.bus.trigger("acme", /[/]\\/\\//);
    return {mark: "one"};
});
'''
OLD_MINIFIED = (
    "odoo.define('acme.mark',function(require){'use strict';var core=require('web.core');"
    'core.bus.trigger("acme",/[/]\\/\\//);return{mark:"one"};});'
)
TEMPLATES_FILE = '''<?xml version="1.0" encoding="UTF-8"?>
<templates xml:space="preserve">
    <!-- one -->
    <t t-name="acme.Mark"><span class='a "b"' t-on-click="() => this.x(`${1}`)">one &amp; only</span></t>
    <t t-inherit="web.NavBar" t-inherit-mode="extension"><xpath expr="//nav" position="inside"><b/></xpath></t>
</templates>
'''
REGISTERED = (
    'registerTemplate("acme.Mark", `/acme_web/static/src/mark.xml`, `<t t-name="acme.Mark" xml:space="preserve">'
    '<span class="a &quot;b&quot;" t-on-click="() =&gt; this.x(\\`\\${1}\\`)">one &amp; only</span></t>\n    `);\n'
    'registerTemplateExtension("web.NavBar", `/acme_web/static/src/mark.xml`, `<t t-inherit="web.NavBar" '
    't-inherit-mode="extension" xml:space="preserve"><xpath expr="//nav" position="inside"><b/></xpath></t>`);'
)
SCSS = '''// it's a comment with { and "
$acme: #123456;
.acme { color: $acme; &:hover { content: 'one'; border-color: #AbC } .in, .of { margin: 1px 2px !important; width: calc(1px + 2px); } }
@mixin acme-odd { top: 3px; }
@media (min-width: 3px) { .acme { --acme-mark: "one"; } }
'''
COMPILED = (
    '.acme{color: #123456;}.acme:hover{content: "one"; border-color: #AbC;}.acme .in, .acme .of{margin: 1px 2px !important; '
    'width: calc(1px + 2px);}@media (min-width: 3px){.acme{--acme-mark: "one";}}'
)
STYLE = '@charset "utf-8";\n/* one */\n.acme { --mark: "one"; background: url(../img/logo.svg); }\n'
MINIFIED = '.acme{--mark: "one"; background: url(/acme_web/static/src/../img/logo.svg);}'


class Comparing(unittest.TestCase):
    def assert_made_of(self, kind, source, part):
        """The part is taken for what it was made of, and for nothing else."""
        self.assertIs(same("/a/static/x." + kind, source, part), True, source)
        for other in (source.replace('"one"', '"two"').replace("'one'", "'two'"), source.replace("acme", "acne")):
            self.assertNotEqual(other, source)
            self.assertIs(same("/a/static/x." + kind, other, part), False, other)

    def test_scripts(self):
        self.assert_made_of("js", SCRIPT, TRANSPILED)
        self.assert_made_of("js", OLD_SCRIPT, OLD_MINIFIED)
        self.assertIs(same("/x.js", "// nothing but a comment", ""), None)
        self.assertIs(same("/x.js", OLD_SCRIPT.replace("// one", "// two"), OLD_MINIFIED), True, "only a comment changed")

    def test_what_was_taken_away(self):
        less = OLD_SCRIPT.replace('    core.bus.trigger("acme", /[/]\\/\\//);\n', "")
        self.assertIs(same("/x.js", less, OLD_MINIFIED), False)
        more = TRANSPILED.replace("return __exports", "function gone(){%s}return __exports" % ("x();" * 300))
        self.assertIs(same("/x.js", SCRIPT, more), False)
        self.assertIs(same("/x.css", ".a { top: 1px }", ".b{top: 2px}.a{top: 1px}"), False)
        self.assertIs(same("/x.css", ".a { top: 1px }", ".a{top: 1px}.b{top: 2px}"), False)

    def test_styles(self):
        self.assert_made_of("css", STYLE, MINIFIED)
        self.assert_made_of("scss", SCSS, COMPILED)
        self.assertEqual(
            declarations(SCSS), ["content:one", "border-color:#abc", "margin:1px2px!important", "--acme-mark:one"]
        )
        for undecided in ("$a: 1px;", ".a { top: $a }", "@mixin m { top: 1px }", "%p { top: 1px }", ".a { top: 1px", ".a { width: 0.50px }"):
            self.assertIs(same("/x.scss", undecided, ""), None, undecided)
        self.assertIs(same("/x.less", ".a { top: 1px }", ""), None)
        # A compiler leaves out what ends a list; and what was there before says nothing of what is new.
        self.assertEqual(declarations(".a { text-shadow: 1px 1px #fff, }"), [])
        self.assertIs(same("/x.scss", SCSS, COMPILED, SCSS.replace("#123456", "#654321")), None)
        self.assertIs(same("/x.scss", SCSS, COMPILED, SCSS.replace("'one'", "'two'")), True)

    def test_templates(self):
        there = templates("x" + REGISTERED)["/acme_web/static/src/mark.xml"]
        self.assertEqual(len(there), 2)
        self.assertIs(same_templates(TEMPLATES_FILE, there), True)
        for old, new in (("one &amp;", "two &amp;"), ("//nav", "//div"), ("<b/>", ""), ("acme.Mark", "acme.Other")):
            self.assertIs(same_templates(TEMPLATES_FILE.replace(old, new), there), False, new)
        self.assertIs(same_templates("<templates>", there), None)

    def test_parts(self):
        of_19 = "\n/* /a/static/x.js */\nA;\n\n/* /b/static/y.js */\nB\n\n    /*******************************************\n    *  Templates"
        self.assertEqual(parts(of_19), {"/a/static/x.js": "A;\n", "/b/static/y.js": "B\n"})
        of_14 = "\n/* /a/static/x.css defined in bundle 'web.assets_frontend' */\nA\n/* <inline asset> defined in bundle 'x' */\nB"
        self.assertEqual(list(parts(of_14)), ["/a/static/x.css"])
        self.assertEqual(name_and_kind("/web/assets/1/0a1b2c3/web.assets_frontend.autoprefixed.min.css"), ("web.assets_frontend", "css"))
        self.assertEqual(name_and_kind("/web/content/12-0a1b2c3/rtl/web.assets_common.css"), ("web.assets_common", "css"))


class Manifests(unittest.TestCase):
    def test_patterns(self):
        for pattern, fits, not_ in (
            ("a/static/src/**/*", "/a/static/src/x.js", "/b/static/src/x.js"),
            ("/a/static/src/*.js", "/a/static/src/x.js", "/a/static/src/d/x.js"),
            ("a/static/src/**/x.[jt]s", "/a/static/src/c/d/x.ts", "/a/static/src/c/xx.ts"),
            ("a/static/?.js", "/a/static/x.js", "/a/static//.js"),
            ("a/static/a+b(1).js", "/a/static/a+b(1).js", "/a/static/aab1.js"),
        ):
            self.assertTrue(glob(pattern).match(fits), pattern)
            self.assertFalse(glob(pattern).match(not_), pattern)

    def test_bundles(self):
        with tempfile.TemporaryDirectory() as folder:
            for module, assets in (
                ("web", {"web.assets_web": [("include", "web.assets_backend")]}),
                ("a", {"web.assets_backend": ["a/static/src/**/*", ("remove", "a/static/src/no.js")]}),
                ("broken", 1),
            ):
                os.mkdir(os.path.join(folder, module))
                with open(os.path.join(folder, module, "__manifest__.py"), "w", encoding="utf-8") as manifest:
                    manifest.write("# it\n" + repr({"name": "x", "assets": assets}))
            bundles = Bundles([folder], ["web", "a", "broken", "gone"], ["/a/static/src/touched.*"])
        self.assertEqual(bundles.naming("/a/static/src/x.js"), {"web.assets_backend"})
        self.assertEqual(bundles.holding("/a/static/src/x.js"), {"web.assets_backend", "web.assets_web"})
        certain = [name for name in ("x.js", "no.js", "touched.scss") if bundles.is_certain("/a/static/src/" + name)]
        self.assertEqual(certain, ["x.js"])


class Served(unittest.TestCase):
    """A whole check of a site that answers what the test says."""

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.pages, self.old_pages = {}, {}
        manifest = {"assets": {"web.assets_frontend": ["a/static/src/**/*"]}}
        self.write("a/__manifest__.py", repr(manifest))
        self.pages["/web/login"] = (
            b'<link rel="stylesheet" href="/web/assets/0a1b2c3/web.assets_frontend.min.css"/>'
            b'<script data-src="/web/assets/1b2c3d4/web.assets_frontend.min.js"></script>'
        )

    def write(self, path, text):
        path = os.path.join(self.dir.name, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def check(self, *files, old=False):
        pages, old_pages = self.pages, self.old_pages

        class Answers(Visitor):
            def get(self, path, headers=()):
                body = (old_pages if self.address == "old" else pages).get(path)
                if isinstance(body, Exception):
                    raise body
                marks = {"ETag": "%s" % len(body or b"")}
                if body and dict(headers).get("If-None-Match") == marks["ETag"]:
                    return 304, marks, b""
                return (200 if body else 404), marks, body or b""

        facts = read_facts(
            ["site\tx.example", "installed\ta"]
            + ["file\t/%s\t%s/%s" % (file, self.dir.name, file) for file in files + ("other/static/not_installed.js",)]
        )
        bundles = Bundles([self.dir.name], ["a"], [])
        visitors = [Answers(name, "x.example", 0) for name in ("new", "old")]
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = Check(facts, visitors[0], visitors[1] if old else None, bundles).run()
        return code, [line for line in said.getvalue().splitlines() if not line.startswith("served")]

    def test_plain_files(self):
        self.write("a/static/img/logo.svg", "two")
        self.pages["/a/static/img/logo.svg"] = b"two"
        self.assertEqual(self.check("a/static/img/logo.svg"), (0, ["checked\t1 file in 0 bundles"]))
        self.old_pages["/a/static/img/logo.svg"] = b"one"
        told = "differs\t/a/static/img/logo.svg\tchanged, but browsers that have the old one are told to keep it"
        self.assertEqual(self.check("a/static/img/logo.svg", old=True), (3, [told, "checked\t1 file in 0 bundles"]))
        self.pages["/a/static/img/logo.svg"] = b"one"
        other = "differs\t/a/static/img/logo.svg\tis served with another content"
        self.assertEqual(self.check("a/static/img/logo.svg"), (3, [other, "checked\t0 files in 0 bundles"]))
        del self.pages["/a/static/img/logo.svg"]
        self.assertEqual(self.check("a/static/img/logo.svg")[0], 3)
        self.write("a/static/it's", "x")
        self.assertEqual(self.check("a/static/it's"), (0, ["unchecked\t/a/static/it's\tHTTP 404", "checked\t0 files in 0 bundles"]))

    def test_nothing_is_decided_without_an_answer(self):
        self.write("a/static/img/logo.svg", "two")
        self.write("a/static/src/x.css", STYLE)
        for page in ("/a/static/img/logo.svg", "/a/static/src/x.css", "/web/login", "/"):
            self.pages[page] = TimeoutError("timed out")
        code, said = self.check("a/static/img/logo.svg", "a/static/src/x.css")
        self.assertEqual((code, said[-1]), (0, "checked\t0 files in 0 bundles"))
        self.assertIn("unchecked\t/a/static/img/logo.svg\tno answer: timed out", said)

    def test_bundles(self):
        files = {"a/static/src/x.css": STYLE, "a/static/src/x.js": SCRIPT, "a/static/src/mark.xml": TEMPLATES_FILE}
        for path, text in files.items():
            self.write(path, text)
            self.pages["/" + path] = text.encode()
        css, js = "/web/assets/0a1b2c3/web.assets_frontend.min.css", "/web/assets/1b2c3d4/web.assets_frontend.min.js"
        self.pages[css] = ("\n/* /a/static/src/x.css */\n" + MINIFIED).encode()
        registered = REGISTERED.replace("acme_web", "a")
        self.pages[js] = ("\n/* /a/static/src/x.js */\n" + TRANSPILED + registered).encode()
        self.assertEqual(self.check(*files), (0, ["checked\t3 files in 1 bundle"]))
        for address, old, new, differs in (
            (css, "one", "two", "/a/static/src/x.css in web.assets_frontend.min.css\thas another content"),
            (css, "/x.css", "/y.css", "/a/static/src/x.css in web.assets_frontend.min.css\tis missing"),
            (js, '"one"', '"two"', "/a/static/src/x.js in web.assets_frontend.min.js\thas another content"),
            (js, "//nav", "//div", "/a/static/src/mark.xml in web.assets_frontend.min.js\thas another content"),
            (css, "\n/*", COMPILE_ERROR + "\n/*", "web.assets_frontend\thas older styles, since those of this release don't compile"),
        ):
            right = self.pages[address]
            self.pages[address] = right.replace(old.encode(), new.encode())
            code, said = self.check(*files)
            self.assertEqual((code, said[0]), (3, "differs\t" + differs))
            self.pages[address] = right
        # Gone from the release, and from the bundle only if that is new.
        os.remove(os.path.join(self.dir.name, "a/static/src/x.css"))
        self.assertEqual(self.check("a/static/src/x.css")[1][0], "differs\t/a/static/src/x.css in web.assets_frontend.min.css\twas removed, but is still there")
        self.pages[css] = b"\n/* /web/static/y.css */\n.y{top: 1px}"
        self.assertEqual(self.check("a/static/src/x.css")[0], 0)


if __name__ == "__main__":
    unittest.main()
