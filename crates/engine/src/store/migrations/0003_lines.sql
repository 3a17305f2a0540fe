-- Finding the lines at a place of a step's log by the index alone: SQLite looks at the table for each line that it steps over
-- when anything that is asked isn't in the index, `kind` included. A line is what has a level.

DROP INDEX event_by_step;
CREATE INDEX event_by_step ON event (deployment_id, step, seq, level) WHERE level IS NOT NULL;
