from odoo import http

try:
    from odoo.addons.web.controllers.home import Home
except ImportError:  # before 16.0
    from odoo.addons.web.controllers.main import Home


class Login(Home):
    @http.route()
    def web_login(self, *args, **kwargs):
        # The modules load and /web/health answers, but nobody can log in.
        raise RuntimeError("the login page of this release is broken")
