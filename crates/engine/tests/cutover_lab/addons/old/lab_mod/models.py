from odoo import fields, models

from .version import VERSION


class LabRun(models.Model):
    _name = "lab.run"
    _description = "What the cron of which release wrote"

    version = fields.Char()

    def run_cron(self):
        self.create({"version": VERSION})
