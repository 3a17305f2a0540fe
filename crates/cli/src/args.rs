//! The words of the command line.

mod server;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use server::{Server, ServerAdd};

const AFTER: &str = "\
From nothing to a running Odoo:
  slipway server add paris --host root@203.0.113.7
  slipway project add acme --url git@example.com:acme/odoo.git --series 19.0
  slipway env add acme/production --server paris --branch main --domain erp.acme.example --modules acme_base
  slipway plan acme/production
  slipway deploy acme/production

Exit codes: 0 success · 1 error · 2 wrong usage · 3 refused before anything was touched · 4 failed · 5 failed and rolled back
            6 cancelled";

/// Deploy Odoo from Git to your own servers, over SSH, with Docker.
#[derive(Debug, Parser)]
#[command(name = "slipway", version, after_help = AFTER, max_term_width = 110)]
pub(crate) struct Cli {
    /// Where all of Slipway's state is kept
    #[arg(long, global = true, env = "SLIPWAY_HOME", value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Print JSON instead of text: one object, or one a line for what goes on
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Where secrets are kept: the system's keychain, or a file encrypted with a passphrase (SLIPWAY_PASSPHRASE or asked for)
    #[arg(long, global = true, value_enum, env = "SLIPWAY_SECRETS")]
    pub(crate) secrets: Option<SecretsChoice>,
    /// Seconds that a server which went away in the middle of a cut over is looked for
    #[arg(long, global = true, env = "SLIPWAY_PATIENCE", value_name = "SECONDS", hide = true)]
    pub(crate) patience: Option<u64>,
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where secrets are kept.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SecretsChoice {
    /// The system's keychain
    Keychain,
    /// A file in Slipway's home, encrypted with a passphrase
    File,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Servers: machines with Docker that are reached over SSH, or this computer
    #[command(subcommand)]
    Server(Server),
    /// Projects: Git repositories of Odoo addons
    #[command(subcommand)]
    Project(Project),
    /// Environments: one running Odoo of a project each
    #[command(subcommand)]
    Env(Env),
    /// Show what a deployment would do, without touching anything
    Plan {
        /// project/name
        env: String,
        /// Branch, tag or commit instead of the environment's branch
        #[arg(long = "ref", value_name = "REF")]
        reference: Option<String>,
    },
    /// Bring an environment to the newest commit of its branch
    Deploy(Deploy),
    /// What runs, and what state every environment is in
    Status {
        /// Ask the servers first what other desktops did
        #[arg(long)]
        refresh: bool,
    },
    /// The deployments of an environment, newest first
    History {
        /// project/name
        env: String,
        /// How many at most
        #[arg(long, short = 'n', default_value_t = 20)]
        number: u32,
        /// Ask the server first what other desktops did
        #[arg(long)]
        refresh: bool,
    },
    /// The log of a deployment, step by step
    Logs {
        /// A deployment's id, or the end of it, or project/name for its last one
        deployment: String,
        /// Only this step (`health_check` or `"Health Check"`)
        #[arg(long)]
        step: Option<String>,
        /// Only this level and above: debug, info, warning, error
        #[arg(long, default_value = "info")]
        level: String,
        /// Go on with what comes until the deployment ends
        #[arg(long, short)]
        follow: bool,
    },
    /// Stop a deployment: before the cut over nothing live was touched, in it everything is put back
    Cancel {
        /// A deployment's id, or project/name for the one that runs
        deployment: String,
    },
    /// Make a new deployment of the same commit (not of a rollback: roll back again, which says what would be lost)
    Retry {
        /// A deployment's id
        deployment: String,
        /// What to do with it
        #[command(flatten)]
        run: Run,
    },
    /// Go back to an earlier deployment: its code, or its code and data
    Rollback(Rollback),
    /// The snapshots of an environment, or one of them as a zip that Odoo's database manager restores
    Snapshots {
        /// project/name
        env: String,
        /// Bring this one here: the id of the deployment that it was taken before, or the end of it
        #[arg(long, value_name = "DEPLOYMENT")]
        download: Option<String>,
        /// Where to: a new file, or a folder
        #[arg(long, value_name = "FILE", default_value = ".", requires = "download")]
        to: PathBuf,
    },
    /// Open an environment's page in the browser
    Open {
        /// project/name
        env: String,
        /// Only print the address
        #[arg(long)]
        print: bool,
    },
    /// Carry out what is queued, and look for new commits where they are deployed by themselves (`--detach` starts it, until
    /// the queue is empty)
    #[command(hide = true)]
    Work {
        /// End when the queue is empty, and look for nothing
        #[arg(long)]
        until_idle: bool,
        /// How often to look for new commits
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        look_every: u64,
    },
    /// Print completions for a shell
    Completions {
        /// Which one
        shell: clap_complete::Shell,
    },
}

/// Projects.
#[derive(Debug, Subcommand)]
pub(crate) enum Project {
    /// Add a project
    Add(ProjectAdd),
    /// All projects
    List,
}

/// A new project.
#[derive(Debug, Args)]
pub(crate) struct ProjectAdd {
    /// A short name for it
    pub(crate) name: String,
    /// The main repository: https://…, ssh://…, git@host:path or a local path
    #[arg(long)]
    pub(crate) url: String,
    /// Odoo's series: 14.0 to 19.0
    #[arg(long)]
    pub(crate) series: String,
    /// Folder in the repository with addons; without it they are found anywhere (repeatable)
    #[arg(long = "path", value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// A further repository, as NAME=URL#BRANCH (repeatable)
    #[arg(long = "repo", value_name = "NAME=URL#BRANCH")]
    pub(crate) repositories: Vec<String>,
    /// SSH key file for the repositories
    #[arg(long)]
    pub(crate) git_key: Option<PathBuf>,
    /// User name for an access token
    #[arg(long)]
    pub(crate) git_user: Option<String>,
    /// Ask for an access token (or take it from SLIPWAY_GIT_TOKEN) and keep it in the keychain
    #[arg(long)]
    pub(crate) git_token: bool,
    /// Leave submodules out
    #[arg(long)]
    pub(crate) no_submodules: bool,
}

/// Environments.
#[derive(Debug, Subcommand)]
pub(crate) enum Env {
    /// Add an environment
    Add(Box<EnvAdd>),
    /// All environments
    List,
    /// One environment, with everything set
    Show {
        /// project/name
        env: String,
    },
    /// Change settings; they take effect with the next deployment
    Set(Box<EnvSet>),
    /// Remove an environment from its server: containers, database, files, releases
    Destroy {
        /// project/name
        env: String,
        /// Type the environment's project/name here to confirm
        #[arg(long, value_name = "PROJECT/NAME")]
        confirm: Option<String>,
        /// Keep everything on the server and only forget it here
        #[arg(long)]
        keep_server: bool,
    },
}

/// A new environment.
#[derive(Debug, Args)]
pub(crate) struct EnvAdd {
    /// project/name
    pub(crate) env: String,
    /// What to set
    #[command(flatten)]
    pub(crate) settings: EnvSettings,
}

/// Changes to an environment.
#[derive(Debug, Args)]
pub(crate) struct EnvSet {
    /// project/name
    pub(crate) env: String,
    /// What to set
    #[command(flatten)]
    pub(crate) settings: EnvSettings,
}

/// What can be set on an environment. What isn't named stays as it is.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct EnvSettings {
    /// production, staging or development
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// The server it runs on
    #[arg(long)]
    pub(crate) server: Option<String>,
    /// The branch it follows
    #[arg(long)]
    pub(crate) branch: Option<String>,
    /// Its domain name; empty for `<slug>.localhost`
    #[arg(long)]
    pub(crate) domain: Option<String>,
    /// HTTPS: acme, internal, own (with --cert and --cert-key), or plain for HTTP only
    #[arg(long)]
    pub(crate) tls: Option<String>,
    /// E-mail address for the certificate authority
    #[arg(long)]
    pub(crate) acme_email: Option<String>,
    /// Own certificate with its chain, a PEM file on the server
    #[arg(long)]
    pub(crate) cert: Option<String>,
    /// Its private key, a PEM file on the server
    #[arg(long)]
    pub(crate) cert_key: Option<String>,
    /// Processors it may use
    #[arg(long)]
    pub(crate) cpus: Option<f64>,
    /// Memory in MB
    #[arg(long)]
    pub(crate) memory: Option<u64>,
    /// Disk in MB
    #[arg(long)]
    pub(crate) disk: Option<u64>,
    /// Modules to install, with commas between
    #[arg(long, value_delimiter = ',')]
    pub(crate) modules: Option<Vec<String>>,
    /// Another base image than the series' own
    #[arg(long)]
    pub(crate) image: Option<String>,
    /// An option for odoo.conf (repeatable); KEY= removes it
    #[arg(long = "option", value_name = "KEY=VALUE")]
    pub(crate) options: Vec<String>,
    /// An option for odoo.conf that is kept as a secret (repeatable): asked for, or SLIPWAY_OPTION_NAME; NAME= removes it
    #[arg(long = "secret-option", value_name = "NAME")]
    pub(crate) secret_options: Vec<String>,
    /// An environment variable for Odoo (repeatable); KEY= removes it
    #[arg(long = "variable", value_name = "KEY=VALUE")]
    pub(crate) variables: Vec<String>,
    /// An environment variable for Odoo that is kept as a secret (repeatable): asked for, or SLIPWAY_VARIABLE_NAME; NAME= removes it
    #[arg(long = "secret-variable", value_name = "NAME")]
    pub(crate) secret_variables: Vec<String>,
    /// Seconds that requests are held during an update before a maintenance page is shown
    #[arg(long)]
    pub(crate) hold_limit: Option<u32>,
    /// Seconds that a new release may take until it answers
    #[arg(long)]
    pub(crate) health_limit: Option<u32>,
    /// Seconds that updating the database may take
    #[arg(long)]
    pub(crate) update_limit: Option<u32>,
    /// Releases to keep on the server besides the live one
    #[arg(long)]
    pub(crate) keep_releases: Option<u32>,
    /// Snapshots to keep
    #[arg(long)]
    pub(crate) keep_snapshots: Option<u32>,
    /// Days to keep a snapshot
    #[arg(long)]
    pub(crate) snapshot_days: Option<u32>,
    /// Deploy new commits of its branch by itself, while the app runs (true or false)
    #[arg(long, value_name = "BOOL")]
    pub(crate) deploy_on_push: Option<bool>,
    /// Deploy changed settings by itself once it is live (true or false)
    #[arg(long, value_name = "BOOL")]
    pub(crate) auto_deploy: Option<bool>,
    /// Install Odoo's demonstration data on the first deployment
    #[arg(long)]
    pub(crate) demo_data: Option<bool>,
}

/// How a new deployment is carried out.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Run {
    /// Queue it and return; it goes on in the background
    #[arg(long)]
    pub(crate) detach: bool,
    /// Wait when another desktop is deploying this environment
    #[arg(long)]
    pub(crate) wait: bool,
    /// Take the environment over from a desktop that is gone for good
    #[arg(long)]
    pub(crate) take_over: bool,
}

/// A deployment.
#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// project/name
    pub(crate) env: String,
    /// Branch, tag or commit instead of the environment's branch
    #[arg(long = "ref", value_name = "REF")]
    pub(crate) reference: Option<String>,
    /// Go back to an older commit than what is live: its update takes away what only newer versions have
    #[arg(long)]
    pub(crate) back: bool,
    /// Ask the registry for a newer base image
    #[arg(long)]
    pub(crate) pull: bool,
    /// Update these modules whatever changed; `all` for every one (repeatable, or with commas)
    #[arg(long, value_delimiter = ',')]
    pub(crate) update: Vec<String>,
    /// How it is carried out
    #[command(flatten)]
    pub(crate) run: Run,
}

/// A rollback.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// project/name
    pub(crate) env: String,
    /// The deployment to go back to: its id, or the end of it
    #[arg(long, value_name = "DEPLOYMENT")]
    pub(crate) to: String,
    /// Restore the data as well, as it was when that deployment was replaced
    #[arg(long)]
    pub(crate) data: bool,
    /// Say yes to what would be lost without being asked
    #[arg(long)]
    pub(crate) yes: bool,
    /// How it is carried out
    #[command(flatten)]
    pub(crate) run: Run,
}
