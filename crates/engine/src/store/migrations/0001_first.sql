-- The first version of the store. Ids are the 16 bytes of a UUID; times are milliseconds since 1970; enums are
-- their snake_case names, with two exceptions in the large table `event`: a step is its number (1 to 15) and a
-- level its rank (0 debug, 1 info, 2 warning, 3 error).

CREATE TABLE server (
    id             BLOB PRIMARY KEY CHECK (length(id) = 16),
    name           TEXT NOT NULL UNIQUE CHECK (name <> ''),
    kind           TEXT NOT NULL CHECK (json_valid(kind)),
    root           TEXT,
    docker_socket  TEXT,
    docker_sudo    INTEGER NOT NULL CHECK (docker_sudo IN (0, 1)),
    http_port      INTEGER NOT NULL CHECK (http_port BETWEEN 1 AND 65535),
    https_port     INTEGER NOT NULL CHECK (https_port BETWEEN 1 AND 65535 AND https_port <> http_port),
    bind           TEXT NOT NULL,
    build_ca_file  TEXT,
    build_proxy    TEXT,
    public_address TEXT,
    created_at     INTEGER NOT NULL
) STRICT;

CREATE TABLE project (
    id           BLOB PRIMARY KEY CHECK (length(id) = 16),
    name         TEXT NOT NULL UNIQUE CHECK (name <> ''),
    series       TEXT NOT NULL,
    repositories TEXT NOT NULL CHECK (json_array_length(repositories) > 0),
    created_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE environment (
    id               BLOB PRIMARY KEY CHECK (length(id) = 16),
    project_id       BLOB NOT NULL REFERENCES project (id),
    name             TEXT NOT NULL CHECK (name <> ''),
    -- `<project>-<name>`: two different pairs may give the same one, and servers know only this.
    slug             TEXT NOT NULL UNIQUE CHECK (length(slug) <= 40),
    kind             TEXT NOT NULL CHECK (kind IN ('production', 'staging', 'development')),
    server_id        BLOB REFERENCES server (id),
    branch           TEXT NOT NULL CHECK (branch <> ''),
    domain           TEXT,
    tls              TEXT NOT NULL CHECK (json_valid(tls)),
    cpus             REAL NOT NULL CHECK (cpus > 0),
    memory_mb        INTEGER NOT NULL CHECK (memory_mb > 0),
    disk_mb          INTEGER NOT NULL CHECK (disk_mb > 0),
    modules          TEXT NOT NULL CHECK (json_type(modules) = 'array'),
    options          TEXT NOT NULL CHECK (json_type(options) = 'object'),
    variables        TEXT NOT NULL CHECK (json_type(variables) = 'object'),
    secret_variables TEXT NOT NULL CHECK (json_type(secret_variables) = 'object'),
    image            TEXT,
    hold_limit_s     INTEGER NOT NULL CHECK (hold_limit_s > 0),
    auto_deploy      INTEGER NOT NULL CHECK (auto_deploy IN (0, 1)),
    retention        TEXT NOT NULL CHECK (json_type(retention) = 'object'),
    notify           INTEGER NOT NULL CHECK (notify IN (0, 1)),
    demo_data        INTEGER NOT NULL CHECK (demo_data IN (0, 1)),
    language         TEXT,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    UNIQUE (project_id, name)
) STRICT;

-- One proxy serves all environments of a server, by their domains.
CREATE UNIQUE INDEX environment_domain ON environment (server_id, domain) WHERE domain IS NOT NULL;

CREATE TABLE deployment (
    id                  BLOB PRIMARY KEY CHECK (length(id) = 16),
    environment_id      BLOB NOT NULL REFERENCES environment (id) ON DELETE CASCADE,
    -- Frozen with the settings; not a reference, since the server may go while the history stays.
    server_id           BLOB NOT NULL,
    number              INTEGER NOT NULL CHECK (number > 0),
    "trigger"           TEXT NOT NULL CHECK ("trigger" IN ('manual', 'git_push', 'webhook', 'api', 'scheduled',
                            'auto_deploy', 'config_update', 'rollback', 'retry')),
    status              TEXT NOT NULL CHECK (status IN ('pending', 'queued', 'building', 'deploying', 'success',
                            'failed', 'cancelled', 'rolled_back')),
    git_ref             TEXT,
    "commit"            TEXT,
    commits             TEXT NOT NULL CHECK (json_type(commits) = 'object'),
    subject             TEXT,
    author              TEXT,
    lane                TEXT CHECK (lane IN ('first', 'code', 'update', 'restore')),
    who                 TEXT NOT NULL,
    settings            TEXT NOT NULL CHECK (json_type(settings) = 'object'),
    plan                TEXT CHECK (json_valid(plan)),
    error               TEXT CHECK (json_type(error) = 'object'),
    queued_at           INTEGER NOT NULL,
    started_at          INTEGER,
    deploying_at        INTEGER,
    finished_at         INTEGER,
    -- The last step change or line.
    progressed_at       INTEGER NOT NULL,
    pause_ms            INTEGER CHECK (pause_ms >= 0),
    snapshot_id         BLOB,
    rollback_of         BLOB,
    retry_of            BLOB,
    restore             TEXT CHECK (json_type(restore) = 'object'),
    "release"           TEXT CHECK (json_type("release") = 'object'),
    point_of_no_return  INTEGER NOT NULL DEFAULT 0 CHECK (point_of_no_return IN (0, 1)),
    cancel_requested_at INTEGER,
    idempotency_key     TEXT,
    -- Who carries it out: a new claim gets a new id, so an old holder can't write any more.
    claim               TEXT,
    owner               TEXT CHECK (json_type(owner) = 'object'),
    heartbeat_at        INTEGER,
    attempts            INTEGER NOT NULL DEFAULT 0,
    UNIQUE (environment_id, number),
    UNIQUE (environment_id, idempotency_key),
    CHECK ((status IN ('building', 'deploying')) = (claim IS NOT NULL)),
    CHECK ((claim IS NOT NULL) = (owner IS NOT NULL)),
    CHECK ((claim IS NOT NULL) = (heartbeat_at IS NOT NULL)),
    CHECK ((status IN ('success', 'failed', 'cancelled', 'rolled_back')) = (finished_at IS NOT NULL))
) STRICT;

CREATE INDEX deployment_unfinished ON deployment (environment_id, number)
    WHERE status IN ('queued', 'building', 'deploying');
CREATE INDEX deployment_active ON deployment (server_id) WHERE status IN ('building', 'deploying');
CREATE INDEX deployment_by_environment ON deployment (environment_id, id);
CREATE INDEX deployment_by_status ON deployment (status, id);

-- The same pairs as Status::may_become.
CREATE TRIGGER deployment_status_goes_forward BEFORE UPDATE OF status ON deployment
WHEN OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (VALUES
    ('pending', 'queued'), ('pending', 'cancelled'),
    ('queued', 'building'), ('queued', 'failed'), ('queued', 'cancelled'),
    ('building', 'deploying'), ('building', 'failed'), ('building', 'cancelled'),
    ('deploying', 'success'), ('deploying', 'failed'), ('deploying', 'cancelled'), ('deploying', 'rolled_back'))
BEGIN
    SELECT RAISE(ABORT, 'a deployment can not go over to this status');
END;

CREATE TABLE step (
    deployment_id BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    step          INTEGER NOT NULL CHECK (step BETWEEN 1 AND 15),
    status        TEXT NOT NULL CHECK (status IN ('pending', 'running', 'done', 'failed', 'skipped', 'cancelled')),
    message       TEXT,
    output        TEXT CHECK (json_valid(output)),
    started_at    INTEGER,
    finished_at   INTEGER,
    PRIMARY KEY (deployment_id, step)
) STRICT, WITHOUT ROWID;

-- Everything that happened in a deployment, in order and without gaps: what followers get. A `line` has its text
-- in `text`; the others have JSON there.
CREATE TABLE event (
    deployment_id BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    seq           INTEGER NOT NULL CHECK (seq > 0),
    at            INTEGER NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('line', 'step_changed', 'status_changed', 'progress')),
    step          INTEGER CHECK (step BETWEEN 1 AND 15),
    level         INTEGER CHECK (level BETWEEN 0 AND 3),
    text          TEXT NOT NULL,
    PRIMARY KEY (deployment_id, seq),
    CHECK ((kind = 'line') = (level IS NOT NULL)),
    CHECK (kind <> 'line' OR step IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_by_step ON event (deployment_id, step, seq) WHERE kind = 'line';
CREATE INDEX event_to_look_at ON event (deployment_id, seq) WHERE kind = 'line' AND level >= 2;

-- How many lines there are, so that nobody counts a million.
CREATE TABLE line_count (
    deployment_id BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    step          INTEGER NOT NULL CHECK (step BETWEEN 1 AND 15),
    level         INTEGER NOT NULL CHECK (level BETWEEN 0 AND 3),
    lines         INTEGER NOT NULL CHECK (lines > 0),
    PRIMARY KEY (deployment_id, step, level)
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshot (
    id              BLOB PRIMARY KEY CHECK (length(id) = 16),
    environment_id  BLOB NOT NULL REFERENCES environment (id) ON DELETE CASCADE,
    deployment_id   BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    created_at      INTEGER NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('clone', 'dump')),
    database_bytes  INTEGER NOT NULL CHECK (database_bytes >= 0),
    filestore_bytes INTEGER NOT NULL CHECK (filestore_bytes >= 0),
    location        TEXT NOT NULL CHECK (json_valid(location)),
    kept_until      INTEGER,
    state           TEXT NOT NULL CHECK (state IN ('taking', 'ready', 'failed', 'removed'))
) STRICT;

CREATE INDEX snapshot_by_environment ON snapshot (environment_id, created_at);
CREATE INDEX snapshot_by_deployment ON snapshot (deployment_id);
