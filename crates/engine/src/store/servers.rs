//! Servers.

use super::{
    Store,
    sql::{self, Json, Millis},
};
use crate::{
    error::{EngineError, ErrorCode},
    model::{Server, ServerId},
};
use rusqlite::{Connection, Row, named_params};

impl Store {
    /// Adds a server.
    pub async fn add_server(&self, server: Server) -> Result<(), EngineError> {
        server.validate()?;
        self.write(move |t| save(t, &server, INSERT)).await
    }

    /// Changes a server's settings. Deployments that are queued keep those that they were queued with.
    pub async fn update_server(&self, server: Server) -> Result<(), EngineError> {
        server.validate()?;
        self.write(move |t| save(t, &server, UPDATE)).await
    }

    /// Forgets a server that no environment runs on. Nothing on it is touched.
    pub async fn remove_server(&self, id: ServerId) -> Result<(), EngineError> {
        self.write(move |t| match t.execute("DELETE FROM server WHERE id = ?1", [id]) {
            Ok(0) => Err(not_found()),
            Ok(_) => Ok(()),
            Err(error) if sql::is_referred_to(&error) => {
                Err(EngineError::new(ErrorCode::Conflict, "Environments run on this server.")
                    .hint("Destroy them, or move them to another server, first."))
            }
            Err(error) => Err(error.into()),
        })
        .await
    }

    /// One server.
    pub async fn server(&self, id: ServerId) -> Result<Server, EngineError> {
        self.read(move |c| find(c, id)?.ok_or_else(not_found)).await
    }

    /// All servers, by name.
    pub async fn servers(&self) -> Result<Vec<Server>, EngineError> {
        self.read(|c| {
            let mut statement = c.prepare_cached("SELECT * FROM server ORDER BY name")?;
            let servers = statement.query_map([], from_row)?;
            Ok(servers.collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// The server of this id, if there is one.
pub(super) fn find(connection: &Connection, id: ServerId) -> Result<Option<Server>, EngineError> {
    let mut statement = connection.prepare_cached("SELECT * FROM server WHERE id = ?1")?;
    Ok(statement.query_map([id], from_row)?.next().transpose()?)
}

const INSERT: &str =
    "INSERT INTO server (id, name, kind, root, docker_socket, docker_sudo, http_port, https_port, bind,
        build_ca_file, build_proxy, build_proxy_password, public_address, acme_directory, acme_root_file, created_at)
    VALUES (:id, :name, :kind, :root, :docker_socket, :docker_sudo, :http_port, :https_port, :bind,
        :build_ca_file, :build_proxy, :build_proxy_password, :public_address, :acme_directory, :acme_root_file, :created_at)";

const UPDATE: &str =
    "UPDATE server SET name = :name, kind = :kind, root = :root, docker_socket = :docker_socket,
        docker_sudo = :docker_sudo, http_port = :http_port, https_port = :https_port, bind = :bind,
        build_ca_file = :build_ca_file, build_proxy = :build_proxy, build_proxy_password = :build_proxy_password, public_address = :public_address,
        acme_directory = :acme_directory, acme_root_file = :acme_root_file, created_at = :created_at
    WHERE id = :id";

fn save(connection: &Connection, server: &Server, sql: &str) -> Result<(), EngineError> {
    let saved = connection.execute(
        sql,
        named_params! {
            ":id": server.id, ":name": server.name, ":kind": Json(&server.kind), ":root": server.root,
            ":docker_socket": server.docker_socket, ":docker_sudo": server.docker_sudo,
            ":http_port": server.http_port, ":https_port": server.https_port, ":bind": server.bind,
            ":build_ca_file": server.build_ca_file, ":build_proxy": server.build_proxy,
            ":build_proxy_password": Json(&server.build_proxy_password),
            ":public_address": server.public_address, ":acme_directory": server.acme_directory,
            ":acme_root_file": server.acme_root_file, ":created_at": Millis(server.created_at),
        },
    );
    match saved {
        Ok(0) => Err(not_found()),
        Ok(_) => Ok(()),
        Err(error) if sql::is_taken(&error) => Err(EngineError::new(
            ErrorCode::Conflict,
            format!("There is a server named {:?} already.", server.name),
        )),
        Err(error) => Err(error.into()),
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Server> {
    Ok(Server {
        id: row.get("id")?,
        name: row.get("name")?,
        kind: row.get::<_, Json<_>>("kind")?.0,
        root: row.get("root")?,
        docker_socket: row.get("docker_socket")?,
        docker_sudo: row.get("docker_sudo")?,
        http_port: row.get("http_port")?,
        https_port: row.get("https_port")?,
        bind: row.get("bind")?,
        build_ca_file: row.get("build_ca_file")?,
        build_proxy: row.get("build_proxy")?,
        build_proxy_password: row.get::<_, Json<_>>("build_proxy_password")?.0,
        public_address: row.get("public_address")?,
        acme_directory: row.get("acme_directory")?,
        acme_root_file: row.get("acme_root_file")?,
        created_at: row.get::<_, Millis>("created_at")?.0,
    })
}

fn not_found() -> EngineError {
    EngineError::not_found("There is no such server.").hint("See `slipway server list`.")
}
