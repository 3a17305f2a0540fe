-- Limits of a deployment that an environment may set for itself, in seconds.

ALTER TABLE environment ADD COLUMN health_limit_s INTEGER NOT NULL DEFAULT 180 CHECK (health_limit_s > 0);
ALTER TABLE environment ADD COLUMN update_limit_s INTEGER NOT NULL DEFAULT 3600 CHECK (update_limit_s > 0);
