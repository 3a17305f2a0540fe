-- Deployments that another desktop carried out, ends that are found out later, and certificates of a company's own authority.

ALTER TABLE deployment ADD COLUMN elsewhere INTEGER NOT NULL DEFAULT 0 CHECK (elsewhere IN (0, 1));

-- As before, with one exception: an end that could not be known when it was recorded is corrected when it is found.
DROP TRIGGER deployment_status_goes_forward;
CREATE TRIGGER deployment_status_goes_forward BEFORE UPDATE OF status ON deployment
WHEN OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (VALUES
    ('pending', 'queued'), ('pending', 'cancelled'),
    ('queued', 'building'), ('queued', 'failed'), ('queued', 'cancelled'),
    ('building', 'deploying'), ('building', 'failed'), ('building', 'cancelled'),
    ('deploying', 'success'), ('deploying', 'failed'), ('deploying', 'cancelled'), ('deploying', 'rolled_back'))
AND NOT (OLD.status = 'failed' AND NEW.status IN ('success', 'cancelled', 'rolled_back')
    AND coalesce(OLD.error ->> 'code', '') = 'outcome_unknown')
BEGIN
    SELECT RAISE(ABORT, 'a deployment can not go over to this status');
END;

ALTER TABLE server ADD COLUMN acme_directory TEXT;
ALTER TABLE server ADD COLUMN acme_root_file TEXT;
