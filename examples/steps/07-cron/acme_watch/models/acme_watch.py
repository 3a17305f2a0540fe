import socket

from odoo import api, fields, models

from odoo.addons.acme_base.release import RELEASE


class AcmeWatch(models.Model):
    """One row for each run of the cron: which code ran it, and in which container."""

    _name = "acme.watch"
    _description = "Run of the watch"

    release = fields.Char(required=True)
    host = fields.Char(required=True)

    @api.model
    def run(self):
        self.create({"release": RELEASE, "host": socket.gethostname()})
        mail = {"subject": "Release %s is at work" % RELEASE, "email_to": "watch@example.com", "body_html": "<p>As said.</p>"}
        self.env["mail.mail"].sudo().create(mail)

    @api.model
    def schedule(self):
        """Makes the cron in Python: what a cron has to say about its repeats changed in 18.0."""
        if self.env.ref("acme_watch.cron", raise_if_not_found=False):
            return
        values = {
            "name": "Acme: watch",
            "model_id": self.env["ir.model"]._get_id(self._name),
            "state": "code",
            "code": "model.run()",
            "user_id": self.env.ref("base.user_root").id,
            "interval_number": 1,
            "interval_type": "minutes",
        }
        if "numbercall" in self.env["ir.cron"]._fields:
            values["numbercall"] = -1
        cron = self.env["ir.cron"].create(values)
        identifier = {"module": "acme_watch", "name": "cron", "model": "ir.cron", "res_id": cron.id, "noupdate": True}
        self.env["ir.model.data"].create(identifier)
