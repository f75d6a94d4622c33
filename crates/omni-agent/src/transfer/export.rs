//! A collection into a file that `import` reads back without a difference.

use super::cell;
use super::import::collection;
use crate::error::{Result, internal, io_error, store_error};
use omni_model::{Collection, Field, RecordId, Row, Value, schema};
use omni_protocol::WireError;
use omni_store::{ListQuery, Place, ReadTx, Sort, SortBy, Store, StoreError};
use serde_json::{Map, Value as Json};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Links whose words are kept.
const WORDS_MAX: usize = 65_536;

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A header and one line a record.
    Csv,
    /// An array with one object a record.
    Json,
}

/// Writes every record of a collection, in key order: id, key, and all fields; links by key. The file appears whole or
/// not at all, readable by its owner only.
///
/// Errors: `unknown_collection`, those of the file system (`not_found`: there is no such folder) and of the store.
pub fn export(store: &Store, collection_name: &str, file: &Path, format: Format) -> Result<u64> {
    let c = collection(collection_name)?;
    let target = Target::open(file)?;
    match write_rows(store, c, &target, format) {
        Ok(rows) => target.keep().map(|()| rows),
        Err(e) => {
            target.discard();
            Err(e)
        }
    }
}

fn write_rows(store: &Store, c: &'static Collection, target: &Target, format: Format) -> Result<u64> {
    let mut failed: Option<WireError> = None;
    let mut rows = 0;
    let written = store.read(|tx| {
        let mut words = Words { tx, known: HashMap::new() };
        let mut out = Out::new(c, BufWriter::new(&target.file), format);
        let done = out.begin().and_then(|()| {
            tx.for_each(&query(c), &mut |row| {
                rows += 1;
                out.row(&row, &mut words).map_err(|e| stop(&mut failed, &target.path, &e))
            })
            .map_err(io::Error::other)
            .and_then(|()| out.end())
        });
        Ok(done)
    });
    match (failed, written.map_err(store_error)?) {
        (Some(e), _) => Err(e),
        (None, Ok(())) => Ok(rows),
        (None, Err(e)) => match e.downcast::<StoreError>() {
            Ok(e) => Err(store_error(e)),
            Err(e) => Err(io_error(&target.path, &e)),
        },
    }
}

fn stop(failed: &mut Option<WireError>, path: &Path, error: &io::Error) -> StoreError {
    *failed = Some(io_error(path, error));
    StoreError::Io(error.to_string())
}

fn query(c: &'static Collection) -> ListQuery {
    ListQuery {
        collection: c,
        filter: Vec::new(),
        search: None,
        sort: Sort { by: SortBy::Key, descending: false },
        start: Place::Offset(0),
        limit: u64::MAX,
    }
}

/// The word a person knows a linked record by: its key, else its id.
struct Words<'t, 'c> {
    tx: &'t ReadTx<'c>,
    known: HashMap<RecordId, String>,
}

impl Words<'_, '_> {
    fn of(&mut self, target: &Collection, id: RecordId) -> io::Result<String> {
        if let Some(word) = self.known.get(&id) {
            return Ok(word.clone());
        }
        let key = self.tx.row(target.id, id).map_err(io::Error::other)?.and_then(|stored| stored.row.key);
        let leads_back =
            |key: &String| uuid::Uuid::parse_str(key).is_err() && RecordId::from_key(target.name, key) == id;
        let word = key.filter(|k| k.trim() == k).filter(leads_back).unwrap_or_else(|| id.to_string());
        if self.known.len() >= WORDS_MAX {
            self.known.clear();
        }
        self.known.insert(id, word.clone());
        Ok(word)
    }

    /// The value with the words of its links in place of their ids.
    fn in_value(&mut self, field: &Field, value: &Value) -> io::Result<Value> {
        let Some(target) = field.target().and_then(schema::by_name) else { return Ok(value.clone()) };
        let links = super::order::links(value);
        Ok(match value {
            Value::Id(id) => Value::Text(self.of(target, *id)?),
            Value::Set(_) => Value::Set(links.into_iter().map(|id| self.of(target, id)).collect::<io::Result<_>>()?),
            other => other.clone(),
        })
    }
}

/// Writes rows in one format.
struct Out<W: Write> {
    c: &'static Collection,
    form: Form<W>,
    rows: u64,
}

enum Form<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Json(W),
}

impl<W: Write> Out<W> {
    fn new(c: &'static Collection, to: W, format: Format) -> Out<W> {
        let form = match format {
            Format::Csv => Form::Csv(Box::new(csv::Writer::from_writer(to))),
            Format::Json => Form::Json(to),
        };
        Out { c, form, rows: 0 }
    }

    fn begin(&mut self) -> io::Result<()> {
        let names = ["id", "key"].into_iter().chain(self.c.fields.iter().map(|f| f.name));
        match &mut self.form {
            Form::Csv(csv) => csv.write_record(names).map_err(io::Error::from),
            Form::Json(out) => out.write_all(b"["),
        }
    }

    fn row(&mut self, row: &Row, words: &mut Words<'_, '_>) -> io::Result<()> {
        let key = row.key.clone();
        let mut values = Vec::with_capacity(self.c.fields.len());
        for field in self.c.fields {
            values.push((field, words.in_value(field, row.get(field.id))?));
        }
        self.rows += 1;
        match &mut self.form {
            Form::Csv(csv) => {
                let identity = [row.id.to_string(), cell::quoted(key.unwrap_or_default())];
                let cells = values.iter().map(|(field, value)| cell::to_csv(field, value));
                csv.write_record(identity.into_iter().chain(cells)).map_err(io::Error::from)
            }
            Form::Json(out) => {
                let mut object = Map::new();
                object.insert("id".into(), Json::from(row.id.to_string()));
                object.insert("key".into(), Json::from(key));
                for (field, value) in values {
                    object.insert(field.name.into(), cell::to_json(field, &value));
                }
                out.write_all(if self.rows == 1 { b"\n" } else { b",\n" })?;
                serde_json::to_writer(out, &object).map_err(io::Error::from)
            }
        }
    }

    fn end(&mut self) -> io::Result<()> {
        match &mut self.form {
            Form::Csv(csv) => csv.flush(),
            Form::Json(out) => {
                out.write_all(b"\n]\n")?;
                out.flush()
            }
        }
    }
}

/// The file being written, under another name until it is whole.
struct Target {
    path: PathBuf,
    part: Option<PathBuf>,
    file: File,
}

impl Target {
    fn open(path: &Path) -> Result<Target> {
        let fail = |e: io::Error| io_error(path, &e);
        let name = path.file_name().ok_or_else(|| crate::error::usage("Name a file to write to."))?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        // A device or pipe is written to directly: it cannot be replaced.
        if fs::metadata(path).is_ok_and(|m| !m.is_file()) {
            let file = options.create(false).open(path).map_err(fail)?;
            return Ok(Target { path: path.to_owned(), part: None, file });
        }
        let mut part = name.to_owned();
        part.push(format!(".{}.part", crate::ids::trace_id()));
        let part = path.with_file_name(part);
        let file = options.create_new(true).open(&part).map_err(fail)?;
        Ok(Target { path: path.to_owned(), part: Some(part), file })
    }

    fn keep(self) -> Result<()> {
        let Some(part) = &self.part else { return Ok(()) };
        let done = self.file.sync_all().and_then(|()| fs::rename(part, &self.path));
        done.map_err(|e| {
            let error = io_error(&self.path, &e);
            self.discard();
            error
        })
    }

    fn discard(&self) {
        if let Some(part) = &self.part
            && let Err(e) = fs::remove_file(part)
        {
            tracing::warn!(file = %part.display(), "{}", internal("Removing an unfinished export", e));
        }
    }
}
