//! What stands on the command line as `field=value` and its relatives.

use serde_json::{Map, Value as Json};
use std::str::FromStr;

/// How a value is given.
#[derive(Clone, Debug, PartialEq)]
enum Operator {
    /// `f=v`: as typed.
    Text(String),
    /// `f:=JSON`.
    Json(Json),
    /// `f+=v`: into a set, onto a counter.
    Add(String),
    /// `f-=v`: out of a set, off a counter.
    Remove(String),
}

/// One assignment to a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Assign {
    field: String,
    operator: Operator,
}

impl FromStr for Assign {
    type Err = String;

    fn from_str(text: &str) -> Result<Assign, String> {
        let unclear = || format!("“{text}” is not field=value, field:=JSON, field+=value or field-=value");
        let (left, value) = text.split_once('=').ok_or_else(unclear)?;
        let (field, operator) = match left.as_bytes().last() {
            Some(b':') => {
                let json = serde_json::from_str(value).map_err(|e| format!("“{value}” is not JSON: {e}"))?;
                (&left[..left.len() - 1], Operator::Json(json))
            }
            Some(b'+') => (&left[..left.len() - 1], Operator::Add(value.to_owned())),
            Some(b'-') => (&left[..left.len() - 1], Operator::Remove(value.to_owned())),
            _ => (left, Operator::Text(value.to_owned())),
        };
        if !is_name(field) {
            return Err(unclear());
        }
        Ok(Assign { field: field.to_owned(), operator })
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Assignments sorted by kind, as the control commands take them.
#[derive(Debug, Default)]
pub struct Assigned {
    /// `f:=JSON`.
    pub fields: Map<String, Json>,
    /// `f=v`.
    pub texts: Map<String, Json>,
    /// `f+=v`.
    pub add: Map<String, Json>,
    /// `f-=v`.
    pub remove: Map<String, Json>,
}

impl Assigned {
    /// Sorts them. Errors: the field that is written twice in one way.
    pub fn new(all: Vec<Assign>) -> Result<Assigned, String> {
        let mut out = Assigned::default();
        for Assign { field, operator } in all {
            let (kind, value) = match operator {
                Operator::Text(v) => (&mut out.texts, v.into()),
                Operator::Json(v) => (&mut out.fields, v),
                Operator::Add(v) => (&mut out.add, v.into()),
                Operator::Remove(v) => (&mut out.remove, v.into()),
            };
            if kind.insert(field.clone(), value).is_some() {
                return Err(format!("“{field}” is given twice"));
            }
        }
        match out.fields.keys().find(|f| out.texts.contains_key(*f)) {
            Some(field) => Err(format!("“{field}” is given twice")),
            None => Ok(out),
        }
    }

    /// Whether anything is added or taken out instead of written.
    pub fn is_relative(&self) -> bool {
        !self.add.is_empty() || !self.remove.is_empty()
    }
}

/// `name=value`, both as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    name: String,
    value: String,
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Pair, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Pair { name: name.to_owned(), value: value.to_owned() }),
            _ => Err(format!("“{text}” is not name=value")),
        }
    }
}

/// Pairs as an object. Errors: the name that stands twice.
pub fn object(pairs: Vec<Pair>) -> Result<Map<String, Json>, String> {
    let mut out = Map::new();
    for Pair { name, value } in pairs {
        if out.insert(name.clone(), value.into()).is_some() {
            return Err(format!("“{name}” is given twice"));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn assigned(texts: &[&str]) -> Result<Assigned, String> {
        Assigned::new(texts.iter().map(|t| t.parse()).collect::<Result<_, _>>()?)
    }

    #[test]
    fn every_operator_goes_where_it_belongs() {
        let a = assigned(&["name=Ada = \"x\"", "fee:=12.5", "tags+=EU", "tags-=US", "note=", "n:=null"]).unwrap();
        assert_eq!(Json::from(a.texts.clone()), json!({"name": "Ada = \"x\"", "note": ""}));
        assert_eq!(Json::from(a.fields.clone()), json!({"fee": 12.5, "n": null}));
        assert_eq!((a.add["tags"].clone(), a.remove["tags"].clone()), (json!("EU"), json!("US")));
        assert!(a.is_relative());
        assert!(!assigned(&["fee=-5"]).unwrap().is_relative(), "a negative value is a value");
    }

    #[test]
    fn what_is_unclear_is_refused() {
        for bad in ["name", "=v", "+=v", ":=1", "a b=c", "f:=nonsense", "", "ü=1"] {
            assert!(bad.parse::<Assign>().is_err(), "{bad}");
        }
        assert!(assigned(&["a=1", "a=2"]).is_err());
        assert!(assigned(&["a=1", "a:=2"]).is_err());
        assert!(assigned(&["a+=1", "a-=2"]).is_ok());
    }

    #[test]
    fn pairs_keep_every_character_of_the_value() {
        let pairs: Vec<Pair> = ["f=a=b", "g="].iter().map(|t| t.parse().unwrap()).collect();
        assert_eq!(Json::from(object(pairs).unwrap()), json!({"f": "a=b", "g": ""}));
        assert!("=x".parse::<Pair>().is_err());
        let twice = vec!["f=1".parse().unwrap(), "f=2".parse().unwrap()];
        assert!(object(twice).is_err());
    }
}
