//! What a laptop says first on a connection: who it is, and where its copy stands.

use super::tx::ReplicaMeta;
use crate::sign::sign_hello;
use ed25519_dalek::SigningKey;
use omni_protocol::DeviceId;
use omni_protocol::frame::{Hello, PROTOCOL_VERSION};

/// Builds and signs the hello of a replica.
pub fn hello(meta: &ReplicaMeta, device: DeviceId, nonce: &[u8], key: &SigningKey) -> Hello {
    let mut hello = Hello {
        version: PROTOCOL_VERSION,
        schema: omni_model::schema::SCHEMA_VERSION,
        device,
        replica: meta.replica,
        lineage: meta.lineage.clone(),
        position: meta.position,
        grants: meta.grants.hash(),
        signature: Vec::new().into(),
    };
    sign_hello(&mut hello, nonce, key);
    hello
}
