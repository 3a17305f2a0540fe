def migrate(cr, version):
    cr.execute("UPDATE res_partner SET comment = 'touched by two'")
    cr.commit()
    raise ValueError('a "quoted" failure \\ of the migration')
