//! Times of records: RFC 3339 on the command line, milliseconds in the engine.

use omni_agent::clock::rfc3339;
use omni_model::{FieldType, schema};
use serde_json::{Map, Value as Json};

fn is_time(collection: &str, field: &str) -> bool {
    let field = schema::by_name(collection).and_then(|c| c.field(field));
    field.is_some_and(|f| f.ty == FieldType::Time)
}

/// A field's value as it is printed.
pub fn show(collection: &str, field: &str, value: &mut Json) {
    if let Some(ms) = value.as_i64().filter(|_| is_time(collection, field)) {
        *value = rfc3339(ms).into();
    }
}

/// Values as the engine takes them. What is no time stays: the engine says what is wrong with it.
pub fn read(collection: &str, fields: &mut Map<String, Json>) {
    for (_, value) in fields.iter_mut().filter(|(name, _)| is_time(collection, name)) {
        if let Some(time) = value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()) {
            *value = time.as_millisecond().to_string().into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_printed_can_be_given() {
        let mut value = json!(1_736_121_600_000_i64);
        show("brand", "last_review", &mut value);
        assert_eq!(value, "2025-01-06T00:00:00.000Z");
        let Json::Object(mut fields) = json!({"last_review": value, "name": "2025-01-06T00:00:00Z"}) else { panic!() };
        read("brand", &mut fields);
        assert_eq!(Json::from(fields), json!({"last_review": "1736121600000", "name": "2025-01-06T00:00:00Z"}));
    }

    #[test]
    fn what_is_no_time_stays() {
        for (field, mut value) in [("last_review", json!(null)), ("employees", json!(12)), ("nothing", json!(12))] {
            let before = value.clone();
            show("brand", field, &mut value);
            assert_eq!(value, before);
        }
        let Json::Object(mut fields) = json!({"last_review": "yesterday", "first_seen": "12"}) else { panic!() };
        read("brand", &mut fields);
        assert_eq!(Json::from(fields), json!({"last_review": "yesterday", "first_seen": "12"}));
    }
}
