{
    "name": "Acme Service Levels",
    "summary": "How soon a ticket has to be answered",
    "version": "1.0.0",
    "author": "Acme",
    "license": "LGPL-3",
    "category": "Services",
    "depends": ["acme_base"],
    "data": ["security/ir.model.access.csv", "data/acme_sla.xml", "views/acme_sla.xml"],
}
