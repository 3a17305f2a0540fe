from odoo import http

from .version import VERSION


class Lab(http.Controller):
    @http.route("/lab/version", type="http", auth="none")
    def version(self, **_kw):
        return VERSION
