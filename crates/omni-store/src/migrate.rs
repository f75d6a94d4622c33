//! Bringing a file to this version's layout: one ordered list with checksums and what the model adds, all in one
//! transaction; an older file is backed up first, a newer one refused.

use crate::connect::{Target, private_file, sync_folder, with_suffix};
use crate::error::{Result, StoreError};
use crate::layout::{fixed, fts_columns_text, model, table};
use crate::tx::{Caches, WriteTx, move_deferred};
use omni_model::{Collection, Field, schema};
use rusqlite::{Connection, OptionalExtension as _};
use std::collections::BTreeMap;

/// Files of a higher epoch cannot be understood by this version. Raised only by a change older versions would misread.
const EPOCH: i64 = 1;

/// One step of the layout.
struct Migration {
    number: i64,
    name: &'static str,
    sql: &'static str,
}

/// Every step, in order. Append only; a step once released never changes.
const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "base", sql: fixed::BASE },
    Migration { number: 2, name: "past", sql: fixed::PAST },
    Migration { number: 3, name: "originals", sql: fixed::ORIGINALS },
    Migration { number: 4, name: "less", sql: fixed::LESS },
];

impl Migration {
    fn checksum(&self) -> [u8; 32] {
        *blake3::hash(self.sql.as_bytes()).as_bytes()
    }
}

/// Migrates to the compiled-in model.
pub fn bring_up_to_date(conn: &mut Connection, target: &Target) -> Result<()> {
    migrate(conn, target, schema::COLLECTIONS)
}

/// Migrates to a model. Nothing changes unless all of it does.
pub fn migrate(conn: &mut Connection, target: &Target, collections: &[&'static Collection]) -> Result<()> {
    let state = State::read(conn)?;
    state.check(collections)?;
    let pending: Vec<&Migration> = MIGRATIONS.iter().filter(|m| !state.done.contains_key(&m.number)).collect();
    let steps = if pending.is_empty() { model_steps(&state.fields, collections) } else { Vec::new() };
    if pending.is_empty() && steps.is_empty() && state.epoch == EPOCH {
        return Ok(());
    }
    if !state.done.is_empty() {
        back_up(conn, target, state.version())?;
    }
    let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    tx.execute_batch(fixed::MIGRATION_TABLE)?;
    for m in pending {
        tx.execute_batch(m.sql)?;
        tx.execute(
            "INSERT INTO migration (number, name, checksum) VALUES (?1, ?2, ?3)",
            (m.number, m.name, m.checksum()),
        )?;
    }
    let fields = read_fields(&tx)?;
    for step in model_steps(&fields, collections) {
        step.run(&tx)?;
    }
    let mut caches = Caches::default();
    let mut write = WriteTx::new(&tx, &mut caches);
    move_deferred(&mut write, collections)?;
    write.finish()?;
    tx.pragma_update(None, "user_version", EPOCH)?;
    Ok(tx.commit()?)
}

/// Makes everything in an empty staging file but the collections' indexes, which are faster made from full tables.
pub fn create_for_import(conn: &Connection, collections: &[&'static Collection]) -> Result<()> {
    conn.execute_batch(fixed::MIGRATION_TABLE)?;
    for m in MIGRATIONS {
        conn.execute_batch(m.sql)?;
        let sql = "INSERT INTO migration (number, name, checksum) VALUES (?1, ?2, ?3)";
        conn.execute(sql, (m.number, m.name, m.checksum()))?;
    }
    for c in collections {
        conn.execute_batch(&model::create_table(c))?;
        conn.execute_batch(&model::create_search(c))?;
        note_collection(conn, c)?;
        c.fields.iter().try_for_each(|f| note_field(conn, c, f))?;
    }
    Ok(conn.pragma_update(None, "user_version", EPOCH)?)
}

/// One field as the file knows it.
#[derive(Clone, Debug)]
struct KnownField {
    name: String,
    storage: String,
    indexed: bool,
}

type Fields = BTreeMap<(u16, u16), KnownField>;

struct State {
    epoch: i64,
    done: BTreeMap<i64, Vec<u8>>,
    fields: Fields,
}

impl State {
    fn read(conn: &Connection) -> Result<State> {
        let epoch = conn.query_row("PRAGMA user_version", [], |r| r.get(0))?;
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'migration'";
        let fresh = conn.query_row(sql, [], |r| r.get::<_, i64>(0))? == 0;
        let mut state = State { epoch, done: BTreeMap::new(), fields: Fields::new() };
        if fresh || epoch > EPOCH {
            return Ok(state);
        }
        let mut stmt = conn.prepare("SELECT number, checksum FROM migration")?;
        let mut rows = stmt.query([])?;
        while let Some(r) = rows.next()? {
            state.done.insert(r.get(0)?, r.get(1)?);
        }
        state.fields = read_fields(conn)?;
        Ok(state)
    }

    /// Refuses what a newer or another build made.
    fn check(&self, collections: &[&'static Collection]) -> Result<()> {
        if self.epoch > EPOCH {
            return Err(StoreError::NewerVersion(format!("layout {}, this app knows {EPOCH}", self.epoch)));
        }
        for (number, checksum) in &self.done {
            match MIGRATIONS.iter().find(|m| m.number == *number) {
                None => return Err(StoreError::NewerVersion(format!("migration {number} is unknown here"))),
                Some(m) if m.checksum().as_slice() != checksum.as_slice() => {
                    return Err(StoreError::MigrationChanged(*number));
                }
                Some(_) => {}
            }
        }
        for ((c, f), known) in &self.fields {
            let collection = collections.iter().find(|x| x.id.0 == *c);
            let there = collection.is_some_and(|x| *f == model::WHOLE || x.fields.iter().any(|y| y.id.0 == *f));
            if !there {
                return Err(StoreError::NewerVersion(format!("it holds the field {}", known.name)));
            }
        }
        Ok(())
    }

    fn version(&self) -> String {
        format!("{}-{}", self.done.keys().last().unwrap_or(&0), self.fields.len())
    }
}

fn read_fields(conn: &Connection) -> Result<Fields> {
    let mut stmt = conn.prepare("SELECT collection, field, name, storage, indexed FROM model_field")?;
    let mut rows = stmt.query([])?;
    let mut out = Fields::new();
    while let Some(r) = rows.next()? {
        out.insert((r.get(0)?, r.get(1)?), KnownField { name: r.get(2)?, storage: r.get(3)?, indexed: r.get(4)? });
    }
    Ok(out)
}

/// What the model has and the file has not.
#[derive(Debug)]
enum Step {
    Collection(&'static Collection),
    Column(&'static Collection, &'static Field),
    Index(&'static Collection, &'static Field),
    Search(&'static Collection),
}

fn model_steps(known: &Fields, collections: &[&'static Collection]) -> Vec<Step> {
    let mut steps = Vec::new();
    for c in collections {
        let Some(whole) = known.get(&(c.id.0, model::WHOLE)) else {
            steps.push(Step::Collection(c));
            continue;
        };
        for f in c.fields {
            match known.get(&(c.id.0, f.id.0)) {
                None => steps.push(Step::Column(c, f)),
                Some(k) if model::is_indexed(c, f) && !k.indexed => steps.push(Step::Index(c, f)),
                Some(_) => {}
            }
        }
        if whole.storage != model::search_fields(c) {
            steps.push(Step::Search(c));
        }
    }
    steps
}

impl Step {
    fn run(&self, conn: &Connection) -> Result<()> {
        match self {
            Step::Collection(c) => {
                conn.execute_batch(&model::create_table(c))?;
                conn.execute_batch(&model::create_search(c))?;
                conn.execute_batch(&model::create_indexes(c))?;
                note_collection(conn, c)?;
                c.fields.iter().try_for_each(|f| note_field(conn, c, f))
            }
            Step::Column(c, f) => {
                conn.execute_batch(&model::add_column(c, f))?;
                if model::is_indexed(c, f) {
                    conn.execute_batch(&model::create_index(c, f))?;
                }
                note_field(conn, c, f)
            }
            Step::Index(c, f) => {
                conn.execute_batch(&model::create_index(c, f))?;
                note_field(conn, c, f)
            }
            Step::Search(c) => {
                rebuild_search(conn, c)?;
                note_collection(conn, c)
            }
        }
    }
}

/// Makes the search index of a collection from its records.
fn rebuild_search(conn: &Connection, c: &Collection) -> Result<()> {
    let (search, words) = (model::search_name(c), model::vocabulary_name(c));
    conn.execute_batch(&format!("DROP TABLE IF EXISTS {words}; DROP TABLE IF EXISTS {search};"))?;
    conn.execute_batch(&model::create_search(c))?;
    let Some(table) = table(c.id) else { return Ok(()) };
    let mut add = conn.prepare(&table.search_add)?;
    let mut stmt = conn.prepare(&format!("SELECT {} FROM {}", table.all, table.name))?;
    let mut rows = stmt.query([])?;
    while let Some(r) = rows.next()? {
        let kept = crate::codec::read_record(table, r)?;
        add.execute((kept.rid, fts_columns_text(c, &kept.row)))?;
    }
    Ok(())
}

const NOTE: &str = "INSERT OR REPLACE INTO model_field (collection, field, name, storage, indexed, searched) \
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

fn note_collection(conn: &Connection, c: &Collection) -> Result<()> {
    conn.execute(NOTE, (c.id.0, model::WHOLE, c.name, model::search_fields(c), false, false))?;
    Ok(())
}

fn note_field(conn: &Connection, c: &Collection, f: &Field) -> Result<()> {
    let name = format!("{}.{}", c.name, f.name);
    let storage = model::Storage::of(f).name();
    conn.execute(NOTE, (c.id.0, f.id.0, name, storage, model::is_indexed(c, f), f.search))?;
    Ok(())
}

/// Copies the file as it is, before its first change by this version. One copy per layout.
fn back_up(conn: &Connection, target: &Target, version: String) -> Result<()> {
    let busy: i64 = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0)).optional()?.unwrap_or(0);
    if busy != 0 {
        return Err(StoreError::Busy("the log cannot be moved into the file before a migration".into()));
    }
    let copy = with_suffix(&target.path, &format!(".before-{version}"));
    if copy.exists() {
        return Ok(());
    }
    let partial = with_suffix(&copy, ".partial");
    std::fs::copy(&target.path, &partial)?;
    private_file(&partial)?;
    std::fs::File::open(&partial)?.sync_all()?;
    std::fs::rename(&partial, &copy)?;
    sync_folder(&copy)
}
