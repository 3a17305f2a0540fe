"""Tells whether a file of a release stands in a bundle that Odoo made of it, by what no step of Odoo's can have changed.

Odoo minifies, rewrites and compiles. So each comparison asks for what certainly survives, and answers one of
  True   all of it is there
  False  some of it is missing, or there is more than the file can have given: the bundle was made of another file
  None   nothing in this file survives in a form that can be compared
White space is left out on both sides: every minifier changes it.
"""
import re
import xml.etree.ElementTree as ET

# Before each file's part stands its address. 14.0 adds the bundle's name. Of comments, nothing else is left in a bundle.
HEADER = re.compile(r"\n/\* (/[^\n*]*?)(?: defined in bundle '[^'\n]*')? \*/\n")
# After the scripts stand the templates, from 17.0 on.
TEMPLATES = re.compile(r"\n[ \t]*/\*{20,}\n[ \t]*\*  Templates")
TEMPLATE = re.compile(r'registerTemplate(?:Extension)?\("((?:[^"\\]|\\.)*)", `([^`]*)`, `((?:[^`\\]|\\.)*)`\);', re.S)
COMPILE_ERROR = "/* ## CSS error message ##*/"
# What one line of `import` or `export` may grow by when it becomes `require` or `__exports`.
REWRITTEN = 160


def parts(bundle):
    """The text of each file in a bundle, by its address."""
    found, at = {}, list(HEADER.finditer(bundle))
    for here, then in zip(at, at[1:] + [None]):
        text = bundle[here.end():then.start() if then else len(bundle)]
        cut = TEMPLATES.search(text)
        found[here[1]] = found.get(here[1], "") + (text[:cut.start()] if cut else text)
    return found


def same(address, source, part, old=""):
    """Compares a file's text with its part of a bundle. `old`, where it is known: the file's text before it changed."""
    kind = address.rpartition(".")[2].lower()
    if kind == "js":
        return same_script(source, part)
    if kind == "css":
        return same_style(source, part)
    if kind == "scss":
        return same_compiled(source, part, old)
    return None


# --- plain text: scripts and styles

BLOCK_COMMENT = re.compile(r"/\*.*?\*/", re.S)
LINE_COMMENT = re.compile(r"//[^\n]*")
# The statements that Odoo's own module system replaces: their heads, and all of an import.
MODULE_WORDS = [
    re.compile(r"""^\s*import\b[^;"'`]*(["'`])[^"'`\n]*\1[^\n]*""", re.M),
    re.compile(r"^\s*export\s*\{[^}]*\}[^\n]*", re.M),
    re.compile(r"^\s*export\s*\*[^\n]*", re.M),
    re.compile(r"^\s*export\s+(?:default\s+)?(?:async\s+)?(?:function|class|let|const|var)\b[\s*]*[\w$]*[ \t]*=?", re.M),
    re.compile(r"^\s*export\s+default(?:\s+[\w$]+\s*=)?", re.M),
    re.compile(r"\brequire\s*\([^)]*\)"),
]
STYLE_WORDS = [
    re.compile(r"url\s*\((?:\"[^\"]*\"|'[^']*'|[^)]*)\)", re.I),
    re.compile(r"@import[^;{]*;?"),
    re.compile(r"@charset[^;]*;?"),
]


def same_script(source, part):
    # A comment's beginning may stand in a string, and a string's in a comment. Whatever looks like either is left out,
    # which is more than a minifier takes: what is left is code for certain.
    rewritten = mark(source, MODULE_WORDS)
    doubtful = mark(source, [BLOCK_COMMENT, LINE_COMMENT]) + rewritten
    body = bare(part)
    slack = 0
    wrapped = re.match(r"odoo\.define\(.*?let__exports=\{\};", body)
    if wrapped and "odoo.define" not in source:
        body = re.sub(r"return__exports;\}\);*$", "", body[wrapped.end():])
        slack = REWRITTEN * (1 + len(rewritten))
    return holds(source, doubtful, body, slack)


def same_style(source, part):
    moved = mark(source, STYLE_WORDS)
    doubtful = mark(source, [BLOCK_COMMENT]) + moved
    return holds(source, doubtful, bare(part), REWRITTEN * (1 + len(moved)) if moved else 0)


def holds(source, doubtful, body, slack):
    """Whether `body` has every piece of the source that is not doubtful, and no more than the rest can have given."""
    pieces = split(source, doubtful)
    sure = [text for is_sure, text in pieces if is_sure]
    if any(text not in body for text in sure):
        return False
    if not any(re.search(r"\w", text) for text in sure):
        return None
    # What was taken away leaves nothing that could be looked for, but makes room: there may be no more before the first
    # piece, after the last one, and in all, than the doubtful text can fill. A minifier may end what has no end of its own.
    before, after = doubtful_in(pieces), doubtful_in(reversed(pieces))
    most = sum(len(text) for _, text in pieces)
    return not (
        len(body) > most + slack + 2
        or body.find(sure[0]) > before + slack
        or len(body) - body.rfind(sure[-1]) - len(sure[-1]) > after + slack + 2
    )


def split(source, doubtful):
    """The bare text in pieces, each with whether it is outside of the doubtful places."""
    pieces, at = [], 0
    for start, end in sorted(doubtful):
        pieces.append((True, bare(source[at:max(start, at)])))
        pieces.append((False, bare(source[max(start, at):max(end, at)])))
        at = max(at, end)
    pieces.append((True, bare(source[at:])))
    return [piece for piece in pieces if piece[1]]


def doubtful_in(pieces):
    """How much doubtful text comes before the first sure piece."""
    size = 0
    for is_sure, text in pieces:
        if is_sure:
            break
        size += len(text)
    return size


def mark(source, patterns):
    return [found.span() for pattern in patterns for found in pattern.finditer(source)]


def bare(text):
    return re.sub(r"[\s\ufeff]+", "", text)


# --- SCSS: what stands in a rule and needs no computing comes out as it went in

PLAIN_NAME = re.compile(r"-{0,2}[a-zA-Z][\w-]*$")
COMPUTED = re.compile(r"[$()#{}/\\+*<>=&@!%|]|\d*\.\d|\s-\s|,$|^(null|true|false)$|\b(and|or|not)\b", re.I)
COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b")


def same_compiled(source, part, old):
    rules, body = declarations(source), plain(part)
    if any(rule not in body for rule in rules):
        return False
    # Where nothing of this kind is new, that all of it is there says nothing.
    return True if set(rules) - set(declarations(old)) else None


def declarations(source):
    """`name:value` of each declaration that is in nothing but selectors and media queries; none if the file is odd."""
    found, above, at, word = [], [], 0, ""
    tokens = re.compile(
        r"/\*.*?\*/|//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|url\([^)\"']*\)|#\{|[{};]|[^/\"'{};#u]+|.", re.S | re.I
    )
    inside = 0  # of #{…}
    for token in tokens.finditer(source):
        text = token[0]
        if text.startswith(("/*", "//")):
            continue
        if text == "#{":
            inside, word = inside + 1, word + text
        elif inside and text in "{}":
            inside, word = inside + (1 if text == "{" else -1), word + text
        elif text == "{":
            above.append(is_plain_rule(word.strip()))
            word = ""
        elif text in ";}":
            if above and all(above):
                found += declaration(word)
            word = ""
            if text == "}":
                if not above:
                    return []
                above.pop()
        else:
            word += text
    return [] if above or inside else found


def is_plain_rule(head):
    if not head or "#{" in head or "$" in head or head.endswith(":"):
        return False
    return head.startswith("@media") or not re.search(r"[@%]", head)


def declaration(word):
    name, colon, value = word.strip().partition(":")
    value = value.strip()
    simple = COLOUR.sub("", re.sub(r"\s*!important$", "", value))
    if not colon or not PLAIN_NAME.match(name.strip()) or not value or COMPUTED.search(simple):
        return []
    return [plain(name + ":" + value)]


def plain(text):
    return bare(text).replace('"', "").replace("'", "").lower()


# --- templates of the web client

def templates(bundle):
    """The templates in a bundle by the address of their file; nothing where the bundle holds none in this form."""
    found = {}
    for name, address, text in TEMPLATE.findall(bundle):
        found.setdefault(address, []).append(re.sub(r"\\(\\|`|\$\{)", r"\1", text))
    return found


def same_templates(source, registered):
    """Compares a file's templates with those that were registered for it."""
    try:
        root = ET.fromstring(source.strip("\ufeff \t\r\n"))
        wanted = list(root) if root.tag in ("templates", "template", "odoo") else [root]
        there = [ET.fromstring(text) for text in registered]
    except ET.ParseError:
        return None
    return sorted(map(shape, wanted)) == sorted(map(shape, there))


def shape(element):
    attributes = sorted((k, v) for k, v in element.attrib.items() if k != "{http://www.w3.org/XML/1998/namespace}space")
    inside = [[shape(child), bare(child.tail or "")] for child in element]
    return repr([element.tag, attributes, bare(element.text or ""), inside])
