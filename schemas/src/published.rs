//! The JSON Schemas as published in `schemas/json/`, for programs that hand them out. Tests keep them equal to the types.

macro_rules! published {
    ($($name:literal,)*) => {
        /// Name and text of every published schema.
        pub const SCHEMAS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../json/", $name, ".schema.json")))),*];
    };
}

published! {
    "answers",
    "demand",
    "dispute-evidence",
    "feedback",
    "local-receipt",
    "outcome",
    "receipts",
    "submission",
    "undelivered-notice",
    "window-entry",
    "withdrawal",
    "withdrawal-request",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/json");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| {
                entry.unwrap().file_name().to_str()?.strip_suffix(".schema.json").map(str::to_owned)
            })
            .collect();
        files.sort();
        assert_eq!(files, SCHEMAS.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>());
    }
}
