import hashlib
import json
import socket

from odoo import SUPERUSER_ID, http, tools
from odoo.http import request

from ..release import RELEASE


def fingerprint(path):
    """Changes when the file does. A browser keeps a file of `static` for a week without asking, so its address needs this."""
    with tools.file_open(f"acme_base/{path}", "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:8]


class Acme(http.Controller):
    @http.route("/acme/version", type="http", auth="none", methods=["GET"], csrf=False)
    def version(self):
        """The running code, the module version that the database is at, and the container that answers."""
        module = request.env(user=SUPERUSER_ID)["ir.module.module"].search([("name", "=", "acme_base")])
        body = {"release": RELEASE, "database": module.latest_version, "host": socket.gethostname()}
        return request.make_response(json.dumps(body), headers=[("Content-Type", "application/json")])

    @http.route("/acme", type="http", auth="public", methods=["GET"])
    def page(self):
        tickets = request.env["acme.ticket"].sudo()
        values = {
            "release": RELEASE,
            "open_tickets": tickets.search_count([("state", "!=", "done")]),
            "sign": fingerprint("static/img/sign.svg"),
        }
        return request.render("acme_base.page", values)
