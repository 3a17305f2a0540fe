-- Environments that deploy new commits by themselves, and where their branches were when they were last looked at.

ALTER TABLE environment ADD COLUMN deploy_on_push INTEGER NOT NULL DEFAULT 0 CHECK (deploy_on_push IN (0, 1));

-- It did nothing before, so nobody has chosen it.
UPDATE environment SET auto_deploy = 0;

CREATE TABLE watched (
    environment_id BLOB PRIMARY KEY REFERENCES environment (id) ON DELETE CASCADE,
    -- By repository: the ref that is followed, and its commit. Empty before the first look that succeeded.
    heads          TEXT NOT NULL CHECK (json_valid(heads)),
    -- Why the last look failed.
    problem        TEXT CHECK (json_valid(problem)),
    -- When any of this was last seen to be otherwise.
    since          INTEGER NOT NULL
) STRICT;
