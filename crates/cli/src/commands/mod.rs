//! One file a command.

pub(crate) mod cancel;
pub(crate) mod completions;
pub(crate) mod deploy;
pub(crate) mod env;
pub(crate) mod history;
pub(crate) mod logs;
pub(crate) mod open;
pub(crate) mod plan;
pub(crate) mod project;
pub(crate) mod retry;
pub(crate) mod rollback;
pub(crate) mod server;
pub(crate) mod snapshots;
pub(crate) mod status;
pub(crate) mod work;
