//! A central and laptops in one process, over real sockets and real files.

use omni_agent::keys::Passphrase;
use omni_agent::{App, AppConfig, WireError};
use omni_central::writer::Admit;
use omni_central::{Config, Role, Running, serve};
use omni_protocol::Grants;
use serde_json::{Value as Json, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Nothing here takes this long unless it is broken.
const DEADLINE: Duration = Duration::from_secs(60);
const PASSPHRASE: &str = "correct horse battery";

/// A folder for one test, with room for a central and its laptops.
pub struct World {
    pub folder: TempDir,
    pub central: Option<Running>,
    address: Option<SocketAddr>,
    /// The merge of the next central started; `None` is the real one.
    pub admit: Option<Arc<Admit>>,
}

impl World {
    /// Central runs, empty.
    pub async fn start() -> World {
        let mut world = World { folder: tempfile::tempdir().unwrap(), central: None, address: None, admit: None };
        world.start_central().await;
        world
    }

    pub fn central_folder(&self) -> PathBuf {
        self.folder.path().join("central")
    }

    /// Starts central, again at the address the laptops know.
    pub async fn start_central(&mut self) {
        let mut config = Config { admit: self.admit.clone(), ..Config::local(self.central_folder()) };
        if let Some(address) = self.address {
            config.listen = address;
            config.metrics = Some("127.0.0.1:0".parse().unwrap());
        }
        let running = serve(config).await.expect("central starts");
        self.address = Some(running.address());
        self.central = Some(running);
    }

    pub async fn stop_central(&mut self) {
        self.central.take().expect("central runs").shutdown().await.expect("central stops");
    }

    pub fn code(&self, operator: &str, role: Role, grants: Grants) -> String {
        self.central.as_ref().expect("central runs").enrol_code(operator, role, grants).unwrap()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address.expect("central ran"))
    }

    pub fn data(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An enrolled, connected laptop that has its first copy.
    pub async fn laptop(&self, name: &str) -> Laptop {
        self.laptop_with(name, Role::Admin, Grants::everything()).await
    }

    pub async fn laptop_with(&self, name: &str, role: Role, grants: Grants) -> Laptop {
        let laptop = Laptop::open(&self.data(name), true).await;
        let code = self.code(&format!("{name}'s operator"), role, grants);
        let args = json!({ "central": self.url(), "code": code, "name": name, "passphrase": null });
        laptop.rpc("enrol.join", args).await;
        laptop.idle().await;
        laptop
    }
}

/// One laptop's app.
pub struct Laptop {
    pub app: App,
}

impl Laptop {
    pub async fn open(data: &Path, connect: bool) -> Laptop {
        Laptop::try_open(data, connect, PASSPHRASE).await.expect("the app starts")
    }

    pub async fn try_open(data: &Path, connect: bool, passphrase: &str) -> Result<Laptop, WireError> {
        let config = AppConfig {
            data_dir: data.to_owned(),
            passphrase_mode: true,
            passphrase: Some(Passphrase::new(passphrase.to_owned())),
            version: "test".to_owned(),
            connect,
        };
        Ok(Laptop { app: App::start(config).await? })
    }

    pub async fn rpc(&self, command: &str, args: Json) -> Json {
        self.app.control(command, args).await.unwrap_or_else(|e| panic!("{command}: {e}"))
    }

    pub async fn refused(&self, command: &str, args: Json) -> String {
        self.app.control(command, args).await.expect_err(command).code
    }

    /// Waits until the queue is empty and the copy at central's head.
    pub async fn idle(&self) -> Json {
        self.rpc("sync.wait", json!({ "until_idle": true, "timeout_s": DEADLINE.as_secs() })).await
    }

    pub async fn create(&self, collection: &str, key: &str, fields: Json) -> Json {
        self.rpc("new", json!({ "collection": collection, "key": key, "fields": fields })).await
    }

    pub async fn set(&self, collection: &str, id: &str, fields: Json) -> Json {
        self.rpc("edit", json!({ "collection": collection, "id": id, "fields": fields })).await
    }

    /// The value of a field as shown.
    pub async fn value(&self, collection: &str, id: &str, field: &str) -> Json {
        let record = self.rpc("get", json!({ "collection": collection, "id": id })).await;
        field_of(&record, field)["value"].clone()
    }

    /// Waits until a condition over the status holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Json) -> bool) -> Json {
        let mut events = self.app.subscribe();
        let waiting = async {
            loop {
                let status = self.rpc("status", json!({})).await;
                if holds(&status) {
                    return status;
                }
                let _ = events.recv().await;
            }
        };
        match tokio::time::timeout(DEADLINE, waiting).await {
            Ok(status) => status,
            Err(_) => panic!("{what}: not reached; {}", self.rpc("status", json!({})).await),
        }
    }

    /// Asserts that central's digests equal this copy's, counted from its rows.
    pub async fn verified(&self) {
        let report = self.rpc("verify", json!({})).await;
        assert_eq!(report["equal"], true, "{report}");
    }
}

pub fn field_of(record: &Json, name: &str) -> Json {
    let fields = record["fields"].as_array().expect("fields");
    fields.iter().find(|f| f["name"] == name).unwrap_or_else(|| panic!("{name} in {record}")).clone()
}

/// The code an app that started locked or broken gives to everybody.
pub async fn start_code(data: &Path, passphrase: &str) -> String {
    match Laptop::try_open(data, false, passphrase).await {
        Err(e) => e.code,
        Ok(laptop) => laptop.refused("status", json!({})).await,
    }
}
