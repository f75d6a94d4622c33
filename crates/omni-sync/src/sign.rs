//! Ed25519 signatures of batches and hellos. Keys are passed in.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use omni_protocol::Batch;
use omni_protocol::frame::Hello;

/// Signs a batch in place.
pub fn sign_batch(batch: &mut Batch, key: &SigningKey) {
    batch.signature = key.sign(&batch.signed_bytes()).to_bytes().to_vec().into();
}

/// Whether the batch was signed by the device's key.
pub fn batch_is_genuine(batch: &Batch, public: &[u8; 32]) -> bool {
    is_genuine(public, &batch.signed_bytes(), &batch.signature)
}

/// Signs a hello for central's nonce, in place.
pub fn sign_hello(hello: &mut Hello, nonce: &[u8], key: &SigningKey) {
    hello.signature = key.sign(&hello.signed_bytes(nonce)).to_bytes().to_vec().into();
}

/// Whether the hello was signed by the device's key for this nonce.
pub fn hello_is_genuine(hello: &Hello, nonce: &[u8], public: &[u8; 32]) -> bool {
    is_genuine(public, &hello.signed_bytes(nonce), &hello.signature)
}

/// Whether the signature over the message is of this key.
pub(crate) fn is_genuine(public: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (VerifyingKey::from_bytes(public), Signature::from_slice(signature)) else {
        return false;
    };
    key.verify_strict(message, &signature).is_ok()
}
