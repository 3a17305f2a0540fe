{
    "name": "Cut over lab",
    "version": "1.0",
    "depends": ["base", "mail"],
    "data": ["data/cron.xml"],
    "license": "LGPL-3",
}
