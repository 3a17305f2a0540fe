def migrate(cr, version):
    """Does real work before it fails, so that going back has something to undo."""
    cr.execute("UPDATE acme_ticket SET state = 'done', closed = now() AT TIME ZONE 'UTC' WHERE state <> 'done'")
    cr.execute("SELECT name FROM acme_ticket_archive")
