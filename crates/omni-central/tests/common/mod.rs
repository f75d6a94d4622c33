//! A laptop over real sockets, just enough of one to speak to central.
#![allow(dead_code)]

use ed25519_dalek::SigningKey;
use futures_util::{SinkExt, StreamExt};
use omni_central::admin::enrol::{EnrolRequest, Enrolled};
use omni_central::{Config, Role, Running, serve};
use omni_model::{FieldId, Op, RecordId, Value, schema};
use omni_protocol::change::{NORMAL, chain};
use omni_protocol::frame::{ClientFrame, Hello, PROTOCOL_VERSION, ServerFrame, Welcome, from_bytes, to_bytes};
use omni_protocol::{
    Base, Batch, BootId, Change, ChangeId, DeviceId, EditTime, Entry, Grants, Hash, Outcome, Position, ReplicaId,
};
use omni_sync::sign::{sign_batch, sign_hello};
use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

/// Nothing in these tests takes this long unless it is broken.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.unwrap_or_else(|_| panic!("{what} took too long"))
}

pub async fn start(data: &Path) -> Running {
    serve(Config::local(data)).await.expect("central starts")
}

pub fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A refusal may close its connection: a kept one could be lost under the next request.
    reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap()
}

pub fn uuid() -> Uuid {
    omni_central::random::uuid().unwrap()
}

pub fn unzstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::decompress(bytes, 64 << 20).unwrap()
}

/// `{code, …}` of an error answer.
pub async fn error_code(response: reqwest::Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: serde_json::Value = response.json().await.expect("errors are JSON");
    assert!(body["message"].is_string() && body["retryable"].is_boolean(), "{body}");
    assert_eq!(body["trace_id"].as_str().map(str::len), Some(16), "{body}");
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub struct Laptop {
    pub url: String,
    pub key: SigningKey,
    pub device: DeviceId,
    pub replica: ReplicaId,
    pub counter: u64,
    pub chain: Hash,
    pub base: Base,
}

pub struct Connection {
    pub socket: Socket,
    pub welcome: Welcome,
    pub seen: VecDeque<ServerFrame>,
}

/// An operation that creates a sector of this name.
pub fn sector(name: &str) -> (RecordId, Op) {
    let c = schema::by_name("sector").unwrap();
    let record = RecordId::from_key("sector", name);
    let values = vec![(c.field("name").unwrap().id, Value::text(name))];
    (record, Op::Insert { collection: c.id, record, key: Some(name.to_owned()), values })
}

/// An operation that sets the sector's notes.
pub fn notes(record: RecordId, text: &str) -> Op {
    let c = schema::by_name("sector").unwrap();
    Op::Set { collection: c.id, record, field: field("notes"), value: Value::text(text) }
}

pub fn field(name: &str) -> FieldId {
    schema::by_name("sector").unwrap().field(name).unwrap().id
}

impl Laptop {
    pub async fn enrol(central: &Running, operator: &str, role: Role, grants: Grants) -> Laptop {
        let code = central.enrol_code(operator, role, grants).unwrap();
        Laptop::enrol_with(&central.url(), &code).await.expect("the code is good")
    }

    pub async fn enrol_with(url: &str, code: &str) -> Result<Laptop, (u16, String)> {
        let key = SigningKey::from_bytes(&omni_central::random::bytes().unwrap());
        let replica = ReplicaId(uuid());
        let request = EnrolRequest {
            code: code.to_owned(),
            name: "laptop".to_owned(),
            device_public_key: omni_central::random::to_hex(key.verifying_key().as_bytes()),
            replica,
        };
        let response = http().post(format!("{url}/v1/enrol")).json(&request).send().await.unwrap();
        if !response.status().is_success() {
            return Err(error_code(response).await);
        }
        let enrolled: Enrolled = response.json().await.unwrap();
        let base = Base { epoch: enrolled.epoch, seq: 0 };
        let device = enrolled.device;
        Ok(Laptop { url: url.to_owned(), key, device, replica, counter: 0, chain: Hash::default(), base })
    }

    pub fn change(&self, ops: Vec<Op>) -> Change {
        Change {
            id: ChangeId(uuid()),
            base: self.base,
            command: 0,
            version: 0,
            schema: schema::SCHEMA_VERSION,
            args: Vec::new(),
            ops,
            after: Vec::new(),
            time: EditTime { boot: BootId(Uuid::nil()), mono_ms: 1, wall_ms: 1 },
            priority: NORMAL,
            group: None,
            was: Vec::new(),
        }
    }

    /// The next batch of this replica, signed.
    pub fn batch(&mut self, changes: &[Change]) -> Batch {
        let entries: Vec<Entry> = changes.iter().map(|c| Entry::Change(c.to_bytes().into())).collect();
        let mut batch = Batch {
            replica: self.replica,
            parent: None,
            epoch: self.base.epoch,
            first: self.counter + 1,
            prev_hash: self.chain,
            entries,
            signature: Vec::new().into(),
        };
        self.counter += changes.len() as u64;
        self.chain = batch.entries.iter().fold(self.chain, |h, e| chain(h, e.link()));
        sign_batch(&mut batch, &self.key);
        batch
    }

    pub async fn socket(url: &str) -> Socket {
        let address = format!("{}/v1/sync", url.replace("http://", "ws://"));
        in_time("connecting", connect_async(address)).await.expect("the socket opens").0
    }

    pub fn hello(&self, nonce: &[u8], position: Position, grants: &Grants) -> Hello {
        let mut hello = Hello {
            version: PROTOCOL_VERSION,
            schema: schema::SCHEMA_VERSION,
            device: self.device,
            replica: self.replica,
            lineage: Vec::new(),
            position,
            grants: grants.hash(),
            signature: Vec::new().into(),
        };
        sign_hello(&mut hello, nonce, &self.key);
        hello
    }

    /// Connects; the first frame after the challenge decides.
    pub async fn try_connect(&self, position: Position, grants: &Grants) -> Result<Connection, ServerFrame> {
        let mut socket = Laptop::socket(&self.url).await;
        let ServerFrame::Challenge(challenge) = receive(&mut socket).await.unwrap() else { panic!("no challenge") };
        let hello = self.hello(&challenge.nonce, position, grants);
        transmit(&mut socket, &ClientFrame::Hello(hello)).await;
        match receive(&mut socket).await.expect("an answer to the hello") {
            ServerFrame::Welcome(welcome) => Ok(Connection { socket, welcome, seen: VecDeque::new() }),
            other => Err(other),
        }
    }

    pub async fn connect(&self) -> Connection {
        self.try_connect(Position::default(), &Grants::default()).await.expect("a welcome")
    }

    /// Connects and follows from the head.
    pub async fn follow(&self) -> Connection {
        let mut connection = self.connect().await;
        let position = connection.welcome.head;
        connection.send(&ClientFrame::Follow { position }).await;
        connection.until("the first page", |f| matches!(f, ServerFrame::Feed(_)).then_some(())).await;
        connection
    }
}

pub async fn transmit(socket: &mut Socket, frame: &ClientFrame) {
    let bytes = [&[0][..], &to_bytes(frame)].concat();
    socket.send(Message::Binary(bytes.into())).await.expect("the socket takes a frame");
}

/// The next frame; `None` once central closed.
pub async fn receive(socket: &mut Socket) -> Option<ServerFrame> {
    loop {
        match in_time("a frame", socket.next()).await {
            Some(Ok(Message::Binary(bytes))) => {
                let (kind, body) = bytes.split_first().expect("an envelope");
                let cbor = if *kind == 1 { unzstd(body) } else { body.to_vec() };
                return Some(from_bytes(&cbor).expect("a frame"));
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            Some(Ok(_)) => {}
        }
    }
}

impl Connection {
    pub async fn send(&mut self, frame: &ClientFrame) {
        transmit(&mut self.socket, frame).await;
    }

    /// Reads until a frame fits; others are kept in `seen`.
    pub async fn until<T>(&mut self, what: &str, mut fits: impl FnMut(&ServerFrame) -> Option<T>) -> T {
        loop {
            let frame = receive(&mut self.socket).await.unwrap_or_else(|| panic!("closed before {what}"));
            let found = fits(&frame);
            self.seen.push_back(frame);
            if let Some(found) = found {
                return found;
            }
        }
    }

    pub async fn push(&mut self, batch: &Batch) -> Vec<Outcome> {
        self.send(&ClientFrame::Push(to_bytes(batch).into())).await;
        self.until("outcomes", |f| match f {
            ServerFrame::Outcomes(outcomes) => Some(outcomes.clone()),
            ServerFrame::Refused { .. } => panic!("{f:?}"),
            _ => None,
        })
        .await
    }

    pub async fn refusal(&mut self) -> (String, bool) {
        self.until("a refusal", |f| match f {
            ServerFrame::Refused { code, retryable, .. } => Some((code.clone(), *retryable)),
            _ => None,
        })
        .await
    }
}
