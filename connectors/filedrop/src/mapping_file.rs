//! Reads a mapping file; one that is broken or fails its own tests is refused as a whole.

use std::{
    fs,
    path::{Component, Path},
};

use connector_mapping::{Code, MAX_FILE, Mapping};

/// The mapping in a file.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn load(path: &Path) -> Result<Mapping, String> {
    let shown = path.display();
    let unread = |error: std::io::Error| format!("{shown} cannot be read: {error}");
    if fs::metadata(path).map_err(unread)?.len() > MAX_FILE as u64 {
        return Err(format!("{shown} is longer than {MAX_FILE} bytes and no mapping file"));
    }
    let text = fs::read_to_string(path).map_err(unread)?;
    let mapping = Mapping::load(&text).map_err(|broken| format!("{shown}: {broken}"))?;
    if mapping.media_type().is_some_and(|kind| kind.contains("form-urlencoded")) {
        return Err(format!("{shown}: `format = \"form\"` is no form of a file; use json or xml"));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let outcomes = mapping.run_tests(&|name| beside(folder, name));
    let failed: Vec<&str> =
        outcomes.iter().filter(|outcome| !outcome.passed).map(|outcome| outcome.name.as_str()).collect();
    if !failed.is_empty() {
        return Err(format!(
            "[{}] {shown} fails its own tests: {}; look at them with `connector mapping test`",
            Code::TestFailed,
            failed.join(", ")
        ));
    }
    Ok(mapping)
}

/// A file that a test names; it lies beside the mapping file.
fn beside(folder: &Path, name: &str) -> Result<String, String> {
    let plain =
        !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    match plain {
        true => fs::read_to_string(folder.join(name)).map_err(|error| error.to_string()),
        false => Err("a test names files beside the mapping file only".into()),
    }
}
