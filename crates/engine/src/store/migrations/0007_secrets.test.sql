-- What was in a store of version 7: one of everything; the first deployment was carried out elsewhere, the second was queued.
INSERT INTO server VALUES (x'0192a0000000700080000000000000a1', 'web', '{"kind":"ssh","destination":"erp.example.com","user":"deploy",
    "port":22,"key_file":null,"password":"0192a000-0000-7000-8000-0000000000f1","passphrase":null,"config_file":null}',
    NULL, NULL, 0, 80, 443, '0.0.0.0', NULL, NULL, NULL, 1730000000000, 'https://ca.example.com/acme/directory', '~/ca.pem',
    '"0192a000-0000-7000-8000-0000000000f4"');
INSERT INTO project VALUES (x'0192a0000000700080000000000000b1', 'acme', '19.0', '[{"name":"main","url":"https://git.example.com/acme.git",
    "branch":null,"paths":["addons"],"credential":{"kind":"token","user":null,"token":"0192a000-0000-7000-8000-0000000000f2"},
    "submodules":true}]', 1730000000000);
INSERT INTO environment VALUES (x'0192a0000000700080000000000000c1', x'0192a0000000700080000000000000b1', 'production',
    'acme-production', 'production', x'0192a0000000700080000000000000a1', 'main', 'erp.example.com',
    '{"kind":"acme","email":"it@example.com"}', 2.0, 2048, 10240, '["acme_base"]', '{"limit_request":"8192"}', '{"A":"1"}',
    '{"B":"0192a000-0000-7000-8000-0000000000f3"}', NULL, 60, 0,
    '{"keep_releases":5,"keep_snapshots":3,"snapshot_days":14}', 1, 0, 'de_DE', 1730000000000, 1730000000000, 1, 300, 7200,
    '{"smtp_password":"0192a000-0000-7000-8000-0000000000f5"}');
INSERT INTO deployment (id, environment_id, server_id, number, "trigger", status, git_ref, "commit", commits, subject, author, lane,
        who, settings, plan, error, queued_at, started_at, deploying_at, finished_at, progressed_at, pause_ms, snapshot_id,
        "release", point_of_no_return, elsewhere, release_number)
    SELECT x'0192a0000000700080000000000000d1', e.id, e.server_id, 1, 'manual', 'success', 'main',
        '0123456789abcdef0123456789abcdef01234567', '{"main":"0123456789abcdef0123456789abcdef01234567"}', 'Begin', 'A', 'first',
        'me@laptop',
        json_object('environment', json_object('id', '0192a000-0000-7000-8000-0000000000c1',
                'project_id', '0192a000-0000-7000-8000-0000000000b1', 'name', e.name, 'kind', e.kind,
                'server_id', '0192a000-0000-7000-8000-0000000000a1', 'branch', e.branch, 'domain', e.domain, 'tls', json(e.tls),
                'cpus', e.cpus, 'memory_mb', e.memory_mb, 'disk_mb', e.disk_mb, 'modules', json(e.modules),
                'options', json(e.options), 'variables', json(e.variables), 'secret_variables', json(e.secret_variables),
                'image', e.image, 'hold_limit_s', e.hold_limit_s, 'health_limit_s', e.health_limit_s,
                'update_limit_s', e.update_limit_s, 'auto_deploy', json('false'), 'deploy_on_push', json('true'),
                'retention', json(e.retention),
                'notify', json('true'), 'demo_data', json('false'), 'language', e.language,
                'created_at', '2024-10-27T03:33:20Z', 'updated_at', '2024-10-27T03:33:20Z'),
            'project', json_object('id', '0192a000-0000-7000-8000-0000000000b1', 'name', p.name, 'series', p.series,
                'repositories', json(p.repositories), 'created_at', '2024-10-27T03:33:20Z'),
            'server', json_object('id', '0192a000-0000-7000-8000-0000000000a1', 'name', s.name, 'kind', json(s.kind),
                'root', NULL, 'docker_socket', NULL, 'docker_sudo', json('false'), 'http_port', 80, 'https_port', 443,
                'bind', s.bind, 'build_ca_file', NULL, 'build_proxy', NULL, 'public_address', NULL,
                'created_at', '2024-10-27T03:33:20Z')),
        '{"modules":[]}', NULL, 1730000000000, 1730000001000, 1730000002000, 1730000003000, 1730000003000, 0,
        x'0192a0000000700080000000000000e1', '{"image":"slipway/acme-production:0000000000d1","image_id":null,"slot":"a","modules":{}}', 1, 1, 7
    FROM environment e JOIN project p ON p.id = e.project_id JOIN server s ON s.id = e.server_id;
INSERT INTO deployment (id, environment_id, server_id, number, "trigger", status, commits, who, settings, queued_at, progressed_at,
        retry_of, idempotency_key)
    SELECT x'0192a0000000700080000000000000d2', environment_id, server_id, 2, 'retry', 'queued', commits, who, settings,
        1730000004000, 1730000004000, id, 'key'
    FROM deployment;
WITH RECURSIVE n (step) AS (VALUES (1) UNION ALL SELECT step + 1 FROM n WHERE step < 15)
    INSERT INTO step SELECT x'0192a0000000700080000000000000d1', step, 'done', 'well', '{}', 1730000001000, 1730000003000 FROM n;
WITH RECURSIVE n (step) AS (VALUES (1) UNION ALL SELECT step + 1 FROM n WHERE step < 15)
    INSERT INTO step SELECT x'0192a0000000700080000000000000d2', step, 'pending', NULL, NULL, NULL, NULL FROM n;
INSERT INTO event VALUES
    (x'0192a0000000700080000000000000d1', 1, 1730000000000, 'status_changed', NULL, NULL, '{"event":"status_changed","status":"queued","error":null}'),
    (x'0192a0000000700080000000000000d1', 2, 1730000001000, 'line', 5, 1, 'fetched'),
    (x'0192a0000000700080000000000000d1', 3, 1730000001000, 'step_changed', NULL, NULL,
        '{"event":"step_changed","step":"cloning_repositories","status":"done","message":null}'),
    (x'0192a0000000700080000000000000d1', 4, 1730000001000, 'progress', NULL, NULL, '{"event":"progress","done":5,"of":15}');
INSERT INTO line_count VALUES (x'0192a0000000700080000000000000d1', 5, 1, 1);
INSERT INTO snapshot VALUES (x'0192a0000000700080000000000000e1', x'0192a0000000700080000000000000c1',
    x'0192a0000000700080000000000000d1', 1730000002000, 'dump', 1000, 2000, '{"path":"snapshots/0000000000d1"}', 1731000000000, 'ready');
INSERT INTO watched VALUES (x'0192a0000000700080000000000000c1',
    '{"main":{"reference":"main","commit":"0123456789abcdef0123456789abcdef01234567"}}', NULL, 1730000004000);
