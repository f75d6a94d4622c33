//! JSON rows: an array of objects, or an object that holds one (`{"source": …, "sectors": [ … ]}`), or a map of rows by
//! key. Rows inside rows are flattened: `faa_index.region`. Only one row is held at a time.

use super::source::{Cell, RawRow, Sink, bad_file};
use crate::error::Result;
use omni_model::Collection;
use omni_protocol::WireError;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};
use std::borrow::Cow;
use std::fmt;

/// Gives every row to `sink`.
pub(super) fn rows(text: &str, collection: &Collection, sink: &mut Sink<'_>) -> Result<()> {
    let Look(shape, members) = serde_json::from_str(text).map_err(|e| unreadable(&e))?;
    let member = match shape {
        Shape::Scalar => return Err(bad_file(1, "rows are expected: a list of objects.")),
        Shape::List { .. } => None,
        Shape::Map { .. } => choose(collection, &members)?,
    };
    let mut stop = None;
    let mut reader = serde_json::Deserializer::from_str(text);
    let rows = Rows { sink, stop: &mut stop };
    let done = match member {
        None => rows.deserialize(&mut reader),
        Some(name) => reader.deserialize_map(Member { name, rows: Some(rows) }),
    };
    match (stop, done) {
        (Some(stop), _) => Err(stop),
        (None, done) => done.map_err(|e| unreadable(&e)),
    }
}

fn unreadable(error: &serde_json::Error) -> WireError {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or("not JSON");
    bad_file(error.line().max(1), format!("column {}: {what}.", error.column()))
}

/// What a value is, without its content.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Scalar,
    List { items: u64, objects: u64 },
    Map { members: u64, objects: u64 },
}

impl Shape {
    fn is_rows(self) -> bool {
        match self {
            Shape::Scalar => false,
            Shape::List { items: n, objects } | Shape::Map { members: n, objects } => n == objects,
        }
    }

    fn holds_rows(self) -> bool {
        self.is_rows() && !matches!(self, Shape::List { objects: 0, .. } | Shape::Map { objects: 0, .. })
    }
}

/// The member of a file's object that holds the rows; `None` = the object itself is a map of rows by key.
fn choose(collection: &Collection, members: &[(String, Shape)]) -> Result<Option<String>> {
    let plural = collection.plural.to_lowercase().replace(' ', "_");
    let named = |fits: &dyn Fn(&str) -> bool| {
        members.iter().find(|(name, shape)| shape.is_rows() && fits(&name.to_lowercase().replace('-', "_")))
    };
    let by_name = named(&|name| name == plural || name == collection.name)
        .or_else(|| named(&|name| plural.strip_suffix(name).is_some_and(|rest| rest.ends_with('_'))));
    if let Some((name, _)) = by_name {
        return Ok(Some(name.clone()));
    }
    let of_objects = members.iter().all(|(_, s)| matches!(s, Shape::Map { .. }));
    match members {
        [(name, shape)] if shape.holds_rows() => return Ok(Some(name.clone())),
        _ if of_objects => return Ok(None),
        _ => {}
    }
    let mut candidates = members.iter().filter(|(_, shape)| shape.holds_rows()).map(|(name, _)| name.clone());
    match (candidates.next(), candidates.next()) {
        (Some(only), None) => Ok(Some(only)),
        _ => Err(bad_file(1, format!("a list of objects is expected, or an object with one named “{plural}”."))),
    }
}

/// The shape of the file, and of each member of its object.
struct Look(Shape, Vec<(String, Shape)>);

impl<'de> Deserialize<'de> for Look {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Look, D::Error> {
        let mut members = Vec::new();
        let shape = d.deserialize_any(Shaper(&mut |name, shape| members.push((name, shape))))?;
        Ok(Look(shape, members))
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Shape, D::Error> {
        d.deserialize_any(Shaper(&mut |_, _| {}))
    }
}

/// Finds a value's shape; names the shape of each member.
struct Shaper<'f>(&'f mut dyn FnMut(String, Shape));

macro_rules! scalars {
    ($($name:ident: $ty:ty),*) => {
        $(fn $name<E>(self, _: $ty) -> std::result::Result<Shape, E> { Ok(Shape::Scalar) })*
    };
}

impl<'de> Visitor<'de> for Shaper<'_> {
    type Value = Shape;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
    fn visit_unit<E>(self) -> std::result::Result<Shape, E> {
        Ok(Shape::Scalar)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Shape, A::Error> {
        let (mut items, mut objects) = (0, 0);
        while let Some(shape) = seq.next_element::<Shape>()? {
            items += 1;
            objects += u64::from(matches!(shape, Shape::Map { .. }));
        }
        Ok(Shape::List { items, objects })
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Shape, A::Error> {
        let (mut members, mut objects) = (0, 0);
        while let Some(name) = map.next_key::<String>()? {
            let shape: Shape = map.next_value()?;
            members += 1;
            objects += u64::from(matches!(shape, Shape::Map { .. }));
            (self.0)(name, shape);
        }
        Ok(Shape::Map { members, objects })
    }
}

/// Reads rows and gives them out.
struct Rows<'a, 'f> {
    sink: &'a mut Sink<'f>,
    stop: &'a mut Option<WireError>,
}

impl Rows<'_, '_> {
    fn give<E: serde::de::Error>(&mut self, number: u32, name: Option<&str>, row: Json) -> std::result::Result<(), E> {
        let Json::Object(row) = row else {
            return Err(E::custom(format!("row {number} is not an object")));
        };
        let mut cells = Vec::with_capacity(row.len());
        flatten("", row, &mut cells);
        (self.sink)(RawRow { number, name, cells }).map_err(|e| {
            *self.stop = Some(e);
            E::custom("stopped")
        })
    }
}

fn flatten(prefix: &str, row: Map<String, Json>, cells: &mut Vec<(Cow<'_, str>, Cell<'_>)>) {
    for (name, value) in row {
        let name = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            Json::Object(inner) => flatten(&name, inner, cells),
            value => cells.push((Cow::Owned(name), Cell::Json(value))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Rows<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> std::result::Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> std::result::Result<(), A::Error> {
        let mut number = 0u32;
        while let Some(row) = seq.next_element::<Json>()? {
            number = number.saturating_add(1);
            self.give(number, None, row)?;
        }
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> std::result::Result<(), A::Error> {
        let mut number = 0u32;
        while let Some(name) = map.next_key::<String>()? {
            number = number.saturating_add(1);
            let row: Json = map.next_value()?;
            self.give(number, Some(&name), row)?;
        }
        Ok(())
    }
}

/// Goes to one member of the file's object.
struct Member<'a, 'f> {
    name: String,
    rows: Option<Rows<'a, 'f>>,
}

impl<'de> Visitor<'de> for Member<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> std::result::Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match self.rows.take_if(|_| name == self.name) {
                Some(rows) => map.next_value_seed(rows)?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match self.rows {
            None => Ok(()),
            Some(_) => Err(A::Error::custom("the rows are gone")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use omni_model::schema;

    fn read(collection: &str, text: &str) -> std::result::Result<Vec<String>, String> {
        let mut out = Vec::new();
        let done = rows(text, schema::by_name(collection).unwrap(), &mut |row| {
            let cells: Vec<String> = row.cells.iter().map(|(n, c)| format!("{n}={c:?}")).collect();
            out.push(format!("{:?} {}", row.name, cells.join(" ")));
            Ok(())
        });
        done.map(|()| out).map_err(|e| e.message)
    }

    #[test]
    fn rows_are_found_in_every_shape() {
        for text in [
            r#"[{"a":1},{"a":2}]"#,
            r#"{"source":[{"x":1}],"sectors":[{"a":1},{"a":2}],"counts":{"n":{}}}"#,
            r#"{"counts":{"n":1},"rows":[{"a":1},{"a":2}]}"#,
        ] {
            assert_eq!(read("sector", text).unwrap(), ["None a=Json(Number(1))", "None a=Json(Number(2))"], "{text}");
        }
        let named = ["Some(\"k\") a=Json(Number(1))", "Some(\"l\") a.b=Json(Null)"];
        for text in [r#"{"k":{"a":1},"l":{"a":{"b":null}}}"#, r#"{"sectors":{"k":{"a":1},"l":{"a":{"b":null}}}}"#] {
            assert_eq!(read("sector", text).unwrap(), named);
        }
        assert_eq!(read("app_dependency", r#"{"apps":[{}],"dependencies":[{"a":1}]}"#).unwrap().len(), 1);
        assert_eq!(read("sector", "{}").unwrap().len(), 0);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        assert!(read("sector", "[\n{},\n{\"a\":}\n]").unwrap_err().starts_with("Line 3: column 6"));
        assert!(read("sector", "[\n{},\n3]").unwrap_err().contains("row 2 is not an object"));
        assert!(read("sector", "7").unwrap_err().contains("rows are expected"));
        assert!(read("sector", r#"{"a":[{}],"b":[{}]}"#).unwrap_err().contains("“sectors”"));
        assert!(read("sector", "[{}] x").unwrap_err().starts_with("Line 1"));
    }
}
