{
    "name": "Cut over lab",
    "version": "2.0",
    "depends": ["base", "mail"],
    "data": ["data/cron.xml"],
    "license": "LGPL-3",
}
