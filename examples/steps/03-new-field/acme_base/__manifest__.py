{
    "name": "Acme Helpdesk",
    "summary": "Tickets of Acme's customers",
    "version": "1.3.0",
    "author": "Acme",
    "license": "LGPL-3",
    "category": "Services",
    "depends": ["base", "web"],
    "external_dependencies": {"python": ["humanize"]},
    "data": [
        "security/ir.model.access.csv",
        "data/acme_ticket.xml",
        "views/acme_ticket.xml",
        "views/assets.xml",
        "views/page.xml",
    ],
    "assets": {"web.assets_frontend": ["acme_base/static/src/**/*"]},
    "application": True,
}
