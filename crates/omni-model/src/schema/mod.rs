//! The collections and commands of the product: the one description everything else is made from.

pub mod admin_portal;
pub mod command_center;
mod commands;
pub mod omni_sync;
pub mod payroll_os;
mod rules;
pub mod treaty_mesh;

pub use commands::COMMANDS;

use crate::collection::Collection;
use crate::command::Command;
use crate::ids::CollectionId;

/// Version of this schema: rises with every added collection or field. Part of Hello.
pub const SCHEMA_VERSION: u16 = 1;

/// Every collection, in dependency order: a record links only to collections before its own, or to its own.
pub static COLLECTIONS: &[&Collection] = &[
    &admin_portal::SECTOR,
    &admin_portal::BRAND,
    &omni_sync::SCROLL,
    &omni_sync::DEPLOYMENT,
    &treaty_mesh::TREATY,
    &treaty_mesh::CLAUSE,
    &treaty_mesh::CONTRACT,
    &treaty_mesh::TREATY_DEPENDENCY,
    &payroll_os::PAYROLL_SECTOR,
    &payroll_os::PAYROLL_PAGE,
    &command_center::NODE,
    &command_center::APP,
    &command_center::APP_DEPENDENCY,
];

/// A set of collections with the commands over them. The product's is `CATALOG`; merge cases bring their own.
#[derive(Clone, Copy, Debug)]
pub struct Catalog {
    /// The collections, in dependency order.
    pub collections: &'static [&'static Collection],
    /// The commands.
    pub commands: &'static [Command],
}

impl Catalog {
    /// The collection of this wire number.
    pub fn by_id(&self, id: CollectionId) -> Option<&'static Collection> {
        match self.collections.get((id.0 as usize).wrapping_sub(1)) {
            Some(c) if c.id == id => Some(c),
            _ => self.collections.iter().copied().find(|c| c.id == id),
        }
    }

    /// The collection of this name.
    pub fn by_name(&self, name: &str) -> Option<&'static Collection> {
        self.collections.iter().copied().find(|c| c.name == name)
    }

    /// The command of this wire number.
    pub fn command_by_id(&self, id: u16) -> Option<&'static Command> {
        self.commands.iter().find(|c| c.id == id)
    }
}

/// The product's collections and commands.
pub static CATALOG: Catalog = Catalog { collections: COLLECTIONS, commands: COMMANDS };

/// The collection of this wire number.
pub fn by_id(id: CollectionId) -> Option<&'static Collection> {
    CATALOG.by_id(id)
}

/// The collection of this name.
pub fn by_name(name: &str) -> Option<&'static Collection> {
    CATALOG.by_name(name)
}

/// The command of this wire number.
pub fn command_by_id(id: u16) -> Option<&'static Command> {
    CATALOG.command_by_id(id)
}

/// The command of this name.
pub fn command_by_name(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|c| c.name == name)
}
