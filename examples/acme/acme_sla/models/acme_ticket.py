from datetime import timedelta

from odoo import api, fields, models


class AcmeTicket(models.Model):
    _inherit = "acme.ticket"

    sla_id = fields.Many2one("acme.sla", string="Service level")
    deadline = fields.Datetime(compute="_compute_deadline", store=True)

    @api.depends("opened", "sla_id.hours")
    def _compute_deadline(self):
        for ticket in self:
            ticket.deadline = ticket.sla_id and ticket.opened + timedelta(hours=ticket.sla_id.hours)
