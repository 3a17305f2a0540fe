import time


def migrate(cr, version):
    cr.execute("UPDATE res_partner SET comment = 'touched by two'")
    time.sleep(1)
