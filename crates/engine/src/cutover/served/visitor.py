"""Asks an Odoo as its proxy does, and finds the addresses of its bundles."""
import http.client
import json
import re
import time
from urllib.parse import quote, urljoin, urlsplit

LARGEST = 32 << 20
# What a question may fail with: the rest goes on.
UNANSWERED = (OSError, http.client.HTTPException)
LINK = re.compile(r"""(?:src|href)=["'](/web/(?:assets|content)/[^"'?]+?\.(?:js|css))["'?]""")


class Visitor:
    """Asks one Odoo for one site, until a moment of the monotonic clock."""

    def __init__(self, address, site, until):
        self.address, self.site, self.until = address, site, until

    def get(self, path, headers=()):
        """Status, headers and body."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("there was no time left")
        connection = http.client.HTTPConnection(self.address, timeout=left)
        try:
            proxied = {"Host": self.site, "X-Forwarded-Host": self.site, "X-Forwarded-Proto": "https"}
            plain = {"X-Forwarded-For": "127.0.0.1", "Accept-Encoding": "identity"}
            connection.request("GET", path, headers={**proxied, **plain, **dict(headers)})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read(LARGEST + 1)
        finally:
            connection.close()

    def follow(self, path):
        """Status and body after redirections, and the address that answered. Another host is not followed to."""
        for _ in range(6):
            status, headers, body = self.get(path)
            to = urlsplit(urljoin("https://%s%s" % (self.site, path), headers.get("Location") or path))
            if status not in (301, 302, 303, 307, 308) or to.hostname != self.site:
                break
            path = to.path + ("?" + to.query if to.query else "")
        return status, body, path

    def links(self, page):
        """The bundles that a page takes, by name and kind (`js`, `css`)."""
        status, body, _ = self.follow(page)
        found = {}
        for link in LINK.findall(body.decode("utf-8", "replace")) if status == 200 else []:
            found.setdefault(name_and_kind(link), link)
        return found

    def link(self, name, kind):
        """The address of any bundle; nothing in a series that tells it to nobody without a login."""
        status, body, _ = self.follow("/web/bundle/" + quote(name))
        try:
            sources = [entry.get("src") or "" for entry in json.loads(body.decode("utf-8"))] if status == 200 else []
        except (ValueError, AttributeError, TypeError):
            sources = []
        links = {name_and_kind(source): source for source in sources if source.startswith("/web/")}
        return links.get((name, kind))


def name_and_kind(link):
    """`web.assets_frontend` and `css` of `/web/assets/0a1b2c3/web.assets_frontend.autoprefixed.min.css`."""
    name, _, kind = link.rpartition("/")[2].rpartition(".")
    for ending in (".min", ".autoprefixed", ".rtl"):
        name = name[:-len(ending)] if name.endswith(ending) else name
    return name, kind
