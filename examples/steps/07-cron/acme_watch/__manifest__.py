{
    "name": "Acme Watch",
    "summary": "Notes every minute which release is at work, and writes to somebody about it",
    "version": "1.0.0",
    "author": "Acme",
    "license": "LGPL-3",
    "category": "Services",
    "depends": ["acme_base", "mail"],
    "data": ["security/ir.model.access.csv", "data/acme_watch.xml"],
}
