//! What the lab looks like: the journal, which release answers, and everything that going back has to bring back.

use std::process::{Command, Output};

use slipway_engine::cutover::{Entry, Event, Fold, Outcome, Slot};

use super::{Case, DOMAIN, Lab, Load, get};

impl Lab {
    pub(crate) fn status(&self, case: &Case) -> String {
        String::from_utf8(self.call(case, "status", &[]).stdout).unwrap().trim().to_owned()
    }

    /// Starts a detached cut over and follows it to its end.
    pub(crate) fn start_and_follow(&self, case: &Case, env: &[(&str, &str)]) -> Option<Outcome> {
        let started = self.call(case, "start", env);
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        let followed = self.call(case, "follow", &[]);
        let mut fold = Fold::default();
        String::from_utf8(followed.stdout)
            .unwrap()
            .lines()
            .for_each(|l| fold.push(&Entry::parse(l).expect(l)));
        fold.outcome().cloned()
    }

    pub(crate) fn journal(&self, case: &Case) -> Vec<Entry> {
        let text = std::fs::read_to_string(case.plan.journal()).unwrap_or_default();
        text.lines().filter_map(Entry::parse).collect()
    }

    /// The actions that a case went through, in their order.
    pub(crate) fn actions(&self, case: &Case) -> Vec<String> {
        let mut journal = self.journal(case);
        journal.retain(|e| e.ev == Event::Start && e.step.is_some() && e.action != "begin");
        journal.into_iter().map(|e| e.action).collect()
    }

    /// Waits until the journal says that an action began.
    pub(crate) fn wait_for(&self, case: &Case, action: &str) {
        self.until(action, || self.journal(case).iter().any(|e| e.action == action && e.ev == Event::Start));
    }

    /// Everything that going back has to bring back: rows, databases with owners and settings, files, containers, gate.
    pub(crate) fn digest(&self) -> String {
        let (database, mut all) = (self.database(), String::new());
        for table in
            ["res_partner", "ir_module_module", "ir_config_parameter", "ir_attachment", "ir_model_fields"]
        {
            let rows = format!(
                "select '{table}', count(*), md5(string_agg(md5(t::text), '' order by id)) from {table} t"
            );
            all += &self.sql(&database, &rows);
        }
        all += &self.sql("postgres", "select datname, datallowconn, pg_get_userbyid(datdba), shobj_description(oid, 'pg_database'), (select array_agg(setconfig) from pg_db_role_setting where setdatabase = d.oid) from pg_database d order by 1");
        all += &self
            .files("find . -type f -not -path '*/checklist/*' -printf '%p %s %m %u\\n' | sort | md5sum; ls");
        all += &self.docker(&[
            "ps",
            "-a",
            "--filter",
            &format!("label=slipway.env={}", self.slug),
            "--format",
            "{{.Names}} {{.State}}",
        ]);
        all += &self.docker(&["inspect", "-f", "{{.HostConfig.RestartPolicy.Name}}", &self.container("old")]);
        all + &format!(
            "gates {:?}, version {}",
            [Slot::A, Slot::B].map(|s| self.gate(s).exists()),
            self.version()
        )
    }

    /// What Odoo expects of its database: how it sorts, its encoding, its owner, whether that may make tables, the extensions, and
    /// whether an index may use `unaccent` (`i`).
    pub(crate) fn made(&self, database: &str) -> String {
        self.sql(database, "select concat_ws(' ', datcollate, pg_encoding_to_char(encoding), pg_get_userbyid(datdba), has_schema_privilege(datdba, 'public', 'create'), (select string_agg(extname, ' ' order by 1) from pg_extension where extname <> 'plpgsql'), (select provolatile from pg_proc where proname = 'unaccent' and pronargs = 1)) from pg_database where datname = current_database()")
    }

    /// What a database has that neither a clone of it has nor a dump: comment, grants, settings.
    pub(crate) fn kept(&self, database: &str) -> String {
        self.sql(database, "select concat_ws(' ', shobj_description(oid, 'pg_database'), (select array_agg(a::text order by a::text) from unnest(datacl) a), (select array_agg(setconfig) from pg_db_role_setting where setdatabase = d.oid)) from pg_database d where datname = current_database()")
    }

    /// Renames a file of PostgreSQL's extensions.
    pub(crate) fn rename_extension(&self, from: &str, to: &str) {
        let rename = "cd \"$(dirname \"$(find /usr -name plpgsql.control)\")\" && mv \"$1\" \"$2\"";
        self.docker(&["exec", "-u", "0", &self.db(), "sh", "-c", rename, "sh", from, to]);
    }

    /// Which release answers, through Caddy.
    pub(crate) fn version(&self) -> String {
        get(self.port, DOMAIN, "/lab/version").map(|a| a.body).unwrap_or_default()
    }

    pub(crate) fn load(&self) -> Load {
        Load::start(self.port, DOMAIN)
    }

    /// Makes the lab's cron due, and every cron thread look, until the guard is dropped.
    pub(crate) fn nudge_crons(&self) -> impl Drop + use<> {
        let due = "update ir_cron set nextcall = now() at time zone 'utc' - interval '1 hour' where cron_name like 'Lab%' and nextcall > now() at time zone 'utc'";
        let nudge = format!("select pg_notify('cron_trigger', '{}')", self.database());
        let script = format!(
            "while :; do docker exec {0} psql -XAtq -U postgres -d {1} -c \"set lock_timeout=100; {due}\"; docker exec {0} psql -XAtq -U postgres -d postgres -c \"{nudge}\"; sleep 0.2; done",
            self.db(),
            self.database()
        );
        struct Nudge(std::process::Child);
        impl Drop for Nudge {
            fn drop(&mut self) {
                self.0.kill().ok();
                self.0.wait().ok();
            }
        }
        let null = std::process::Stdio::null;
        Nudge(Command::new("sh").arg("-c").arg(script).stdout(null()).stderr(null()).spawn().unwrap())
    }

    /// How often the lab's cron ran by a release.
    pub(crate) fn cron_runs(&self, version: &str) -> u32 {
        self.sql(&self.database(), &format!("select count(*) from lab_run where version = '{version}'"))
            .trim()
            .parse()
            .unwrap()
    }

    pub(crate) fn sql(&self, database: &str, query: &str) -> String {
        let out = self.try_sql(database, query);
        assert!(out.status.success(), "{query}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    pub(super) fn try_sql(&self, database: &str, query: &str) -> Output {
        let args = [
            "exec",
            &self.db(),
            "psql",
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "postgres",
            "-d",
            database,
            "-c",
            query,
        ];
        Command::new("docker").args(args).output().unwrap()
    }
}
