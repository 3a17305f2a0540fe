from odoo import http
from odoo.addons.web.controllers.home import Home


class BrokenLogin(Home):
    @http.route()
    def web_login(self, *args, **kw):
        raise ValueError("the page is broken")
