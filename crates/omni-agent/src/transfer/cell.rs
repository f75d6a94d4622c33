//! One value: from a cell to the model's value and back.

use super::report::Findings;
use super::source::Cell;
use omni_model::value::SET_ITEMS_MAX;
use omni_model::{Collection, Field, FieldError, FieldType, Value};
use serde_json::Value as Json;

/// Words that mean another here: collection, field, from, to. *Sync* is derived, never set; a node is *online* by its
/// beats alone.
const READ_AS: &[(&str, &str, &str, &str)] =
    &[("sector", "status", "Sync", "Active"), ("node", "mode", "online", "auto"), ("node", "kind", "server", "ground")];

/// Characters that make a spreadsheet take a cell for a formula, or for part of one.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '\t', '\r', '\n', '\0'];

/// Reads a field's value.
pub(super) fn read(c: &Collection, field: &Field, cell: &Cell<'_>, found: &mut Findings) -> Result<Value, FieldError> {
    match cell {
        Cell::Text(text) => read_text(c, field, unquoted(text), found),
        Cell::Json(Json::String(text)) => read_text(c, field, text, found),
        Cell::Json(Json::Array(items)) if items.len() > SET_ITEMS_MAX => Err(FieldError {
            field: field.name.into(),
            message: format!("{} items; at most {SET_ITEMS_MAX} fit.", items.len()),
        }),
        Cell::Json(json) => field.from_json(json),
    }
}

fn read_text(c: &Collection, field: &Field, text: &str, found: &mut Findings) -> Result<Value, FieldError> {
    match field.ty {
        FieldType::Text | FieldType::LongText => return field.parse(text),
        FieldType::Bool => return field.parse(&text.trim().to_lowercase()),
        _ => {}
    }
    let text = text.trim();
    if field.is_set()
        && text.starts_with('[')
        && let Ok(list @ Json::Array(_)) = serde_json::from_str(text)
    {
        return field.from_json(&list);
    }
    if field.ty == FieldType::Time
        && let Ok(time) = text.parse::<jiff::Timestamp>()
    {
        return Ok(Value::Int(time.as_millisecond()));
    }
    let other = |(collection, name, from, _): &&(&str, &str, &str, &str)| {
        *collection == c.name && *name == field.name && *from == text
    };
    match READ_AS.iter().find(other) {
        Some((_, _, from, to)) => {
            found.read_as(field, from, to);
            field.parse(to)
        }
        None => field.parse(text),
    }
}

/// Whether the cell holds nothing.
pub(super) fn is_empty(cell: &Cell<'_>) -> bool {
    match cell {
        Cell::Text(text) => text.trim().is_empty(),
        Cell::Json(Json::String(text)) => text.trim().is_empty(),
        Cell::Json(json) => json.is_null(),
    }
}

/// The cell as a plain text: a key, an id. `None` if it is empty.
pub(super) fn text(cell: &Cell<'_>) -> Option<String> {
    let text = match cell {
        Cell::Text(text) => unquoted(text).to_owned(),
        Cell::Json(Json::Null) => return None,
        Cell::Json(Json::String(text)) => text.clone(),
        Cell::Json(json) => json.to_string(),
    };
    (!text.is_empty()).then_some(text)
}

/// A text as a CSV cell: with a single quote before it if a spreadsheet would run it. One more quote is put before a
/// text that looks quoted already, so that reading gives back exactly what was written.
pub(super) fn quoted(text: String) -> String {
    match text.trim_start_matches('\'').starts_with(FORMULA) {
        true => format!("'{text}"),
        false => text,
    }
}

/// A CSV cell without the single quote `quoted` puts before it.
pub(super) fn unquoted(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.trim_start_matches('\'').starts_with(FORMULA) => rest,
        _ => cell,
    }
}

/// The value as a CSV cell that `read` gives back. Numbers are never quoted: they hold nothing a spreadsheet could run.
/// A set whose items hold separators is written as a JSON list.
pub(super) fn to_csv(field: &Field, value: &Value) -> String {
    let plain = |item: &String| !item.is_empty() && item.trim() == item && !item.contains([',', ';']);
    match value {
        Value::Int(_) => field.to_text(value),
        Value::Set(items) if !items.iter().all(plain) || items.first().is_some_and(|i| i.starts_with('[')) => {
            serde_json::to_string(items).unwrap_or_default()
        }
        _ => quoted(field.to_text(value)),
    }
}

/// The value as JSON that `read` gives back: a number as a number, where a double holds it exactly.
pub(super) fn to_json(field: &Field, value: &Value) -> Json {
    let json = field.to_json(value);
    match value {
        Value::Int(_) if field.from_json(&json).as_ref() != Ok(value) => Json::String(field.to_text(value)),
        _ => json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use omni_model::schema;

    #[test]
    fn formulas_are_quoted_and_come_back() {
        for text in ["=1+1", "+x", "-x", "@x", "\tx", "'=x", "''=x", "'x", "x=1", "'", "", "\r=1", "a'=b"] {
            let cell = quoted(text.to_owned());
            assert!(!cell.starts_with(FORMULA), "{cell:?}");
            assert_eq!(unquoted(&cell), text);
        }
        assert_eq!(quoted("x=1".into()), "x=1");
    }

    #[test]
    fn every_value_comes_back_from_csv_and_json() {
        let brand = schema::by_name("brand").unwrap();
        let values = [
            ("name", Value::text("=cmd()")),
            ("name", Value::text(" two\nlines ")),
            ("revenue", Value::Int(-5)),
            ("revenue", Value::Int(i64::MAX)),
            ("revenue", Value::Int(12_345_678_901_234_567)),
            ("duplicate_name", Value::Bool(true)),
            ("tags", Value::set(["a", "b c"])),
            ("tags", Value::set(["a;b", "c"])),
            ("tags", Value::set(["[\"x\"]"])),
            ("tags", Value::set(["=x", "-y"])),
            ("tags", Value::set(["'=x"])),
            ("last_review", Value::Int(1_700_000_000_123)),
            ("notes", Value::Null),
        ];
        for (name, value) in values {
            let field = brand.field(name).unwrap();
            let back = |cell| read(brand, field, &cell, &mut Findings::default()).unwrap();
            assert_eq!(back(Cell::Text(to_csv(field, &value).into())), value);
            assert_eq!(back(Cell::Json(to_json(field, &value))), value);
        }
    }

    #[test]
    fn words_bools_and_times_are_read_as_people_write_them() {
        let read_cell = |c: &str, f: &str, text: &str| {
            let c = schema::by_name(c).unwrap();
            read(c, c.field(f).unwrap(), &Cell::Text(text.into()), &mut Findings::default()).unwrap()
        };
        assert_eq!(read_cell("sector", "status", "Sync"), Value::text("Active"));
        assert_eq!(read_cell("brand", "duplicate_name", " True "), Value::Bool(true));
        assert_eq!(read_cell("brand", "duplicate_name", "0"), Value::Bool(false));
        assert_eq!(read_cell("brand", "position", "  "), Value::Null);
        assert_eq!(read_cell("brand", "last_review", "2023-11-14T22:13:20.123Z"), Value::Int(1_700_000_000_123));
        assert_eq!(read_cell("sector", "monthly_fee", "45"), Value::Int(4_500));
    }
}
