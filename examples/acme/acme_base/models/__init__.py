from . import acme_ticket
