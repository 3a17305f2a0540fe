{
    "name": "Cut over lab",
    "version": "2.0",
    "depends": ["base", "mail"],
    "data": ["data/cron.xml"],
    "assets": {"web.assets_frontend": ["lab_mod/static/src/lab.css"]},
    "license": "LGPL-3",
}
