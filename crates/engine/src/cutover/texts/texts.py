"""Tells the translations that a release's files bring, as rows for PostgreSQL's `copy`: language, module, source, translation.

Runs in the container of Odoo 15.0 or older that is to be replaced, with what Odoo itself reads `.po` files with.
Standard input: `language CODE` and `module NAME`, one a line, with a tab between.
"""
import sys

import polib


def names(language):
    """What the files for a language are called: that of the country's is loaded over the general one."""
    general, _, country = language.partition("_")
    return [general] if not country or general == country.lower() else [general, language]


def files(folders, module, language):
    for folder in folders:
        place = os.path.join(folder, module)
        if os.path.isdir(place):
            return [os.path.join(place, kind, name + ".po") for kind in ("i18n", "i18n_extra") for name in names(language)]
    return []


def texts(path):
    if not os.path.isfile(path):
        return
    try:
        entries = polib.pofile(path)
    except (OSError, ValueError) as error:
        print("%s: %s" % (path, error), file=sys.stderr)
        return
    for entry in entries:
        if not entry.obsolete and entry.msgid and entry.msgstr:
            yield entry.msgid, entry.msgstr


def row(*values):
    escapes = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))
    for sign, escape in escapes:
        values = [value.replace(sign, escape) for value in values]
    return "\t".join(values)


def main():
    facts = {"language": [], "module": []}
    for line in sys.stdin:
        name, _, value = line.rstrip("\n").partition("\t")
        facts[name].append(value)
    folders = addons_folders([])
    found = {
        row(language, module, *text)
        for language in facts["language"]
        for module in facts["module"]
        for path in files(folders, module, language)
        for text in texts(path)
    }
    sys.stdout.buffer.write("".join(line + "\n" for line in sorted(found)).encode())


if __name__ == "__main__":
    main()
