-- The place of a deployment's release among those of its environment, as the server counts them. Nothing where it isn't known.

ALTER TABLE deployment ADD COLUMN release_number INTEGER CHECK (release_number > 0);
CREATE INDEX deployment_release_number ON deployment (environment_id, release_number) WHERE release_number IS NOT NULL;
