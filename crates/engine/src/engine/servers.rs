//! Servers: what can be done with them.

use serde::{Deserialize, Serialize};
use slipway_remote::{HostKey, SshSpec};

use super::{Engine, EnvironmentView};
use crate::error::EngineError;
use crate::model::{Server, ServerKind, Settings};
use crate::server::{Capacity, Connection, Facts, Reservation, ssh_spec};

/// What a test of a server found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerReport {
    /// The server.
    pub server: Server,
    /// What it is like now.
    pub facts: Facts,
    /// What it has and what its environments reserve.
    pub capacity: Capacity,
}

impl Engine {
    /// Adds a server. It isn't asked anything yet.
    ///
    /// # Errors
    /// When a setting makes no sense or the name is taken.
    pub async fn add_server(&self, server: Server) -> Result<(), EngineError> {
        self.store().add_server(server).await
    }

    /// All servers, by name.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn servers(&self) -> Result<Vec<Server>, EngineError> {
        self.store().servers().await
    }

    /// The server of this name.
    ///
    /// # Errors
    /// `not_found`, naming those that there are.
    pub async fn server(&self, name: &str) -> Result<Server, EngineError> {
        let servers = self.servers().await?;
        if let Some(found) = servers.iter().find(|s| s.name == name) {
            return Ok(found.clone());
        }
        let names: Vec<&str> = servers.iter().map(|s| s.name.as_str()).collect();
        Err(EngineError::not_found(format!("There is no server named {name:?}.")).hint(
            match names.as_slice() {
                [] => "Add one with `slipway server add`.".to_owned(),
                _ => format!("There is: {}.", names.join(", ")),
            },
        ))
    }

    /// Forgets a server; its secrets go from the keychain. Nothing on it is touched.
    ///
    /// # Errors
    /// `conflict` while environments run on it.
    pub async fn remove_server(&self, name: &str) -> Result<(), EngineError> {
        let server = self.server(name).await?;
        self.store().remove_server(server.id).await?;
        if let ServerKind::Ssh { password, passphrase, .. } = &server.kind {
            for secret in password.iter().chain(passphrase) {
                self.keychain().await?.delete(secret).await?;
            }
        }
        Ok(())
    }

    /// Connects to a server and reports.
    ///
    /// # Errors
    /// Those of connecting, each told apart.
    pub async fn test_server(&self, server: &Server) -> Result<ServerReport, EngineError> {
        let (connection, facts) = Connection::open(self, server, "").await?;
        connection.host.close().await;
        let capacity = Capacity::of(&facts, "", Reservation::default());
        Ok(ServerReport { server: server.clone(), facts, capacity })
    }

    /// Whether a server can bear an environment with what it is to reserve. Changes nothing.
    ///
    /// # Errors
    /// Those of connecting, and `no_server`. That it can't bear it is no error here.
    pub async fn capacity(&self, view: &EnvironmentView) -> Result<Capacity, EngineError> {
        let Settings { environment, server, .. } = view.freeze()?;
        let (connection, facts) = Connection::open(self, &server, "").await?;
        connection.host.close().await;
        let wants = Reservation {
            cpus: environment.cpus,
            memory_mb: environment.memory_mb,
            disk_mb: environment.disk_mb,
        };
        Ok(Capacity::of(&facts, &view.slug, wants))
    }

    /// The key that a server shows now; nothing for this computer.
    ///
    /// # Errors
    /// When it can't be reached.
    pub async fn host_key(&self, server: &Server) -> Result<Option<HostKey>, EngineError> {
        match self.ssh_spec(server).await? {
            None => Ok(None),
            Some(spec) => Ok(Some(slipway_remote::scan_host_key(&spec).await?)),
        }
    }

    /// Trusts a server's key from now on. The caller has shown its fingerprint to the user.
    ///
    /// # Errors
    /// When the file of known hosts can't be written.
    pub async fn trust_host_key(&self, server: &Server, key: &HostKey) -> Result<(), EngineError> {
        if let Some(spec) = self.ssh_spec(server).await? {
            slipway_remote::trust_host_key(&spec, key)?;
        }
        Ok(())
    }

    async fn ssh_spec(&self, server: &Server) -> Result<Option<SshSpec>, EngineError> {
        ssh_spec(self, server).await
    }
}
