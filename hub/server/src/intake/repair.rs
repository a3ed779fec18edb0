//! Mends a refused body far enough to look at the rest of it.
//!
//! A clerk should learn of every problem at once. Legal checks and look-ups need a whole, typed submission; so whatever was
//! found wrong is replaced by something plain, the checks run, and what they say about a replaced part is dropped. Nothing
//! mended here is ever accepted.

use std::sync::LazyLock;

use serde::Deserialize as _;
use serde_json::{Value, json};
use xiezhi_schemas::message::Submission;

use crate::http::{codes, problem::Item};

/// Something plain for every field.
static PLAIN: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "version": "1.0",
        "demand_id": "x",
        "kind": "seizure",
        "court": {"code": "京0105", "name": "x"},
        "case_number": "（2024）京0105执1号",
        "judgment_number": "（2024）京0105民初1号",
        "issuing_organ": "x",
        "debtor": {"name": "x", "document_kind": "other", "document_number": "x"},
        "units": [{
            "unit_code": "110105001001GB00001F00010001", "right_holder": "x", "location": "x",
            "certificates": ["京（2024）朝阳区不动产权第0000001号"],
        }],
        "period": {"years": 3, "from": "2090-01-01", "to": "2092-12-31"},
        "contact": {"name": "x", "phone": "010-00000"},
        "officers": [{"name": "x", "kind": "work_permit", "number": "x"}],
        "attachments": [{
            "role": "ruling", "name": "x", "media_type": "application/pdf", "sha256": "0".repeat(64), "size": 1,
            "seal": "electronic",
        }],
    })
});

/// A submission that holds the good parts of a body, and which parts are not the sender's.
pub(super) struct Mended {
    pub(super) submission: Submission,
    replaced: Vec<String>,
}

impl Mended {
    /// Whether something said about `path` is about the sender's own words.
    pub(super) fn speaks_of_the_body(&self, path: &str) -> bool {
        let replaced = |prefix: &str| self.replaced.iter().any(|at| at == prefix);
        let kin = |at: &String| below(path, at) || (below(at, path) && at != path);
        if self.replaced.iter().any(kin) {
            return false;
        }
        // Rules that depend on the kind say nothing when the kind is ours.
        !(replaced("/kind") && (below(path, "/period") || path.starts_with("/original_")))
    }
}

fn below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Mends `body` where `items` say that it is wrong; `None` if it is beyond mending.
pub(super) fn mend(body: &Value, items: &[Item]) -> Option<Mended> {
    if items.is_empty() {
        return Some(Mended { submission: Submission::deserialize(body).ok()?, replaced: Vec::new() });
    }
    let mut mended = body.clone();
    let mut replaced = Vec::new();
    for item in items {
        if item.path.is_empty() {
            return None;
        }
        let (parent, key) = item.path.rsplit_once('/')?;
        let key = key.replace("~1", "/").replace("~0", "~");
        let plain = PLAIN.pointer(&first_entries(&item.path)).cloned();
        let parent = mended.pointer_mut(parent)?;
        match (parent, plain) {
            (Value::Object(map), Some(plain)) if item.code != codes::UNKNOWN_FIELD.code => {
                map.insert(key, plain);
            }
            (Value::Object(map), _) => drop(map.remove(&key)),
            (Value::Array(list), Some(plain)) => *list.get_mut(key.parse::<usize>().ok()?)? = plain,
            _ => return None,
        }
        if item.code != codes::UNKNOWN_FIELD.code {
            replaced.push(item.path.clone());
        }
    }
    Some(Mended { submission: serde_json::from_value(mended).ok()?, replaced })
}

/// The same place in a body whose lists have one entry.
fn first_entries(path: &str) -> String {
    path.split('/')
        .map(|step| if step.parse::<usize>().is_ok() { "0" } else { step })
        .collect::<Vec<_>>()
        .join("/")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn item(path: &str) -> Item {
        Item::new(codes::VALUE_REFUSED, path, "", "")
    }

    #[test]
    fn the_plain_body_is_a_submission_and_every_field_of_it_can_be_mended() {
        serde_json::from_value::<Submission>(PLAIN.clone()).unwrap();
        for path in ["/kind", "/units", "/units/0", "/units/0/unit_code", "/attachments/0/size", "/period/to"]
        {
            let mut body = PLAIN.clone();
            *body.pointer_mut(path).unwrap() = json!([1]);
            let mended = mend(&body, &[item(path)]).unwrap();
            assert!(!mended.speaks_of_the_body(path));
            assert!(mended.speaks_of_the_body("/debtor/name"));
        }
        assert!(mend(&json!([]), &[item("")]).is_none());
    }

    #[test]
    fn what_depends_on_a_mended_part_is_not_said() {
        let body = PLAIN.clone();
        let mended = mend(&body, &[item("/kind"), item("/units/0/unit_code")]).unwrap();
        assert!(!mended.speaks_of_the_body("/period"));
        assert!(!mended.speaks_of_the_body("/original_case_number"));
        assert!(!mended.speaks_of_the_body("/units/0/unit_code"));
        assert!(!mended.speaks_of_the_body("/units"));
        assert!(mended.speaks_of_the_body("/units/0/location"));
        assert!(mended.speaks_of_the_body("/units/1/unit_code"));
    }

    #[test]
    fn unknown_fields_are_taken_out() {
        let mut body = PLAIN.clone();
        body["extra"] = json!(1);
        let unknown = Item::new(codes::UNKNOWN_FIELD, "/extra", "", "");
        assert!(mend(&body, &[unknown]).is_some());
    }
}
