from . import acme_sla, acme_ticket
