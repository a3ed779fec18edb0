//! Takes the persons out of a reason that a local system gave, because reasons are logged and shown to operators.

use xiezhi_schemas::message::Demand;

/// Longest reason that is passed on, in characters.
const MAX_REASON: usize = 300;
/// Digits in a row that may be a person's number: phones have eleven, identity cards eighteen.
const MAX_DIGITS: usize = 6;

/// The text without the persons, places and numbers that the demand names, without long rows of digits, on one line.
pub fn redact(text: &str, demand: &Demand) -> String {
    let mut clean = text.to_owned();
    let certificates = demand.unit.certificates.iter().map(String::as_str);
    let officers =
        demand.officers.iter().flat_map(|officer| [officer.name.as_str(), officer.number.as_str()]);
    let mut hidden: Vec<&str> = [
        demand.debtor.name.as_str(),
        demand.debtor.document_number.as_str(),
        demand.contact.name.as_str(),
        demand.contact.phone.as_str(),
        demand.unit.right_holder.as_str(),
        demand.unit.location.as_str(),
    ]
    .into_iter()
    .chain(certificates)
    .chain(officers)
    .collect();
    // The longest first, so that a short one does not leave the rest of a long one.
    hidden.sort_by_key(|text| std::cmp::Reverse(text.len()));
    for secret in hidden.into_iter().filter(|secret| !secret.is_empty()) {
        clean = clean.replace(secret, "…");
    }
    digits(&clean).chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_REASON).collect()
}

/// Replaces rows of digits that are too long to be a code.
fn digits(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut row = String::new();
    for c in text.chars().chain(std::iter::once('\0')) {
        if c.is_ascii_digit() {
            row.push(c);
            continue;
        }
        out.push_str(if row.len() > MAX_DIGITS { "…" } else { &row });
        row.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_rows_of_digits_are_hidden() {
        assert_eq!(digits("no. 320102, phone 13800000000."), "no. 320102, phone ….");
        assert_eq!(digits("11010119900307761X"), "…X");
        assert_eq!(digits("12"), "12");
    }
}
