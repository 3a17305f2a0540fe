import humanize
import shortuuid

from odoo import api, fields, models


class AcmeTicket(models.Model):
    _name = "acme.ticket"
    _description = "Ticket"
    _order = "opened desc, id desc"

    name = fields.Char(required=True)
    description = fields.Text()
    partner_id = fields.Many2one("res.partner", string="Customer")
    user_id = fields.Many2one("res.users", string="Assigned to", default=lambda self: self.env.user)
    opened = fields.Datetime(default=fields.Datetime.now, required=True)
    closed = fields.Datetime()
    state = fields.Selection(
        [("open", "Open"), ("waiting", "Waiting for customer"), ("done", "Done")], default="open", required=True
    )
    priority = fields.Selection([("0", "Normal"), ("1", "Urgent")], default="0", required=True, index=True)
    reference = fields.Char(default=lambda self: shortuuid.random(8), copy=False, readonly=True)
    age = fields.Char(compute="_compute_age")

    @api.depends("opened", "closed")
    def _compute_age(self):
        now = fields.Datetime.now()
        for ticket in self:
            ticket.age = humanize.precisedelta((ticket.closed or now) - (ticket.opened or now), minimum_unit="hours")

    def action_done(self):
        self.write({"state": "done", "closed": fields.Datetime.now()})

    def action_reopen(self):
        self.write({"state": "open", "closed": False})
