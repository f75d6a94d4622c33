//! The app itself: where it stands, its keys and its settings; what several commands take or answer.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use ts_rs::TS;

rpc_types! {
    /// No arguments.
    pub struct NoArgs {}
    /// Nothing to say but that it was done.
    pub struct Done {}
    /// A name.
    pub struct NameArgs {
        /// The name.
        pub name: String,
    }
    /// Where the app stands.
    pub struct AppInfo {
        /// Version of the app.
        pub version: String,
        /// `first_run`, `locked`, `ready` or `recovery`.
        pub phase: String,
        /// Why it is locked or in recovery, as a sentence; empty otherwise.
        pub reason: String,
        /// Where secrets live: `os` or `passphrase`; null before first run.
        pub keys: Option<String>,
        /// Folder of the replica.
        pub data_dir: String,
        /// The operator's name once enrolled.
        pub operator: Option<String>,
        /// The device's name once enrolled.
        pub device: Option<String>,
        /// Whether the local central is a side process of this app.
        pub local_central: bool,
    }
    /// Arguments of `app.unlock`. Neither: the keychain is asked again. The recovery code with a passphrase: the passphrase
    /// becomes the new one.
    pub struct UnlockArgs {
        /// The passphrase, in passphrase mode.
        pub passphrase: Option<String>,
        /// The recovery code shown at enrolment.
        pub recovery_code: Option<String>,
    }
    /// Arguments of `enrol.join`.
    pub struct EnrolArgs {
        /// Address of central, `http://127.0.0.1:7420`.
        pub central: String,
        /// The one-time code.
        pub code: String,
        /// Name of this device, for people.
        pub name: String,
        /// Passphrase to protect secrets with where no OS keychain answers; null = OS keychain.
        pub passphrase: Option<String>,
    }
    /// Arguments of `enrol.local`.
    pub struct LocalArgs {
        /// Name of this device, for people.
        pub name: String,
        /// Passphrase to protect secrets with where no OS keychain answers; null = OS keychain.
        #[serde(default)]
        pub passphrase: Option<String>,
    }
    /// What enrolment made.
    pub struct Enrolled {
        /// Device id.
        pub device: String,
        /// Replica id.
        pub replica: String,
        /// Operator's name.
        pub operator: String,
        /// Shown once: opens the database when the keychain is lost.
        pub recovery_code: String,
    }
    /// Arguments of `search`.
    pub struct SearchArgs {
        /// What was typed.
        pub text: String,
        /// Hits wanted, at most 100.
        pub limit: u64,
    }
    /// One hit.
    pub struct SearchHit {
        /// Collection.
        pub collection: String,
        /// Record id.
        pub id: String,
        /// Title.
        pub title: String,
        /// A second line: its sector or owner.
        pub subtitle: String,
    }
    /// One stored setting.
    pub struct Setting {
        /// Name.
        pub name: String,
        /// Value.
        pub value: Json,
    }
}
