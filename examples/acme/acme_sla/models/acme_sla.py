from odoo import fields, models


class AcmeSla(models.Model):
    _name = "acme.sla"
    _description = "Service level"
    _order = "hours, id"

    name = fields.Char(required=True)
    hours = fields.Integer(string="Answer within (hours)", default=24, required=True)
