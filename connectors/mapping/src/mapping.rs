//! A mapping file as a whole: read once, checked completely, and from then on a value that never changes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use xiezhi_schemas::message::{Digest, MappingVersion};

use crate::{
    charset::Charset,
    inbound::{self, Inbound},
    outbound::{self, Outbound},
    problem::{Broken, Problems},
    reader::{self, At, Section, listed, scalar},
    rules::{Part, Rule, Source, Tables},
    testing::{self, Case},
};

/// The version of the language that this build reads.
pub const LANGUAGE: usize = 1;
/// Longest file, in bytes.
pub const MAX_FILE: usize = 1 << 20;
/// Entries of one code table.
const MAX_ENTRIES: usize = 10_000;

/// Something that may be meant, but is worth a look.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Warning {
    /// Line in the file, from 1.
    pub line: usize,
    /// What it is.
    pub message: String,
}

/// A checked mapping.
#[derive(Debug)]
pub struct Mapping {
    pub(crate) id: MappingVersion,
    pub(crate) description: String,
    pub(crate) tables: Tables,
    pub(crate) outbound: Option<Outbound>,
    pub(crate) inbound: Option<Inbound>,
    pub(crate) cases: Vec<Case>,
    pub(crate) warnings: Vec<Warning>,
}

impl Mapping {
    /// Reads and checks a mapping file.
    ///
    /// # Errors
    /// Everything that is wrong with it; then nothing of it is used.
    pub fn load(text: &str) -> Result<Self, Broken> {
        let mut problems = Problems::new(text);
        if text.len() > MAX_FILE {
            problems.add(0..0, "", format!("the file is longer than {MAX_FILE} bytes"));
            return problems.into_result(None);
        }
        let mapping = read(text, &mut problems);
        problems.into_result(mapping)
    }

    /// Which mapping this is.
    pub fn id(&self) -> &MappingVersion {
        &self.id
    }

    /// What it is for, in its author's words.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// What may be meant, but is worth a look, in the order of the lines.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Whether there are rules from a demand to a local message.
    pub fn has_outbound(&self) -> bool {
        self.outbound.is_some()
    }

    /// Whether there are rules from a local answer to an outcome.
    pub fn has_inbound(&self) -> bool {
        self.inbound.is_some()
    }

    /// How many tests stand beside the rules.
    pub fn test_count(&self) -> usize {
        self.cases.len()
    }
}

fn read(text: &str, problems: &mut Problems<'_>) -> Option<Mapping> {
    let document = reader::parse(text, problems)?;
    let mut file = Section::new(document.get_ref(), 0..0, "");
    let header = file.table("mapping", problems);
    if header.is_none() && !file.has("mapping") {
        problems.add(0..0, "", "[mapping] is missing: `language`, `name`, `version`, `description`");
    }
    let header = header.and_then(|section| read_header(section, text, problems));
    let tables =
        file.table("table", problems).map(|section| read_tables(&section, problems)).unwrap_or_default();
    let mut found = Vec::new();
    let outbound = file
        .table("outbound", problems)
        .map(|section| outbound::read(section, &tables, &mut found, problems));
    let inbound =
        file.table("inbound", problems).map(|section| inbound::read(section, &tables, &mut found, problems));
    if outbound.is_none() && inbound.is_none() && !file.has("outbound") && !file.has("inbound") {
        problems.add(0..0, "", "the file has no rules: write [outbound], [inbound] or both");
    }
    let cases = file.tables("test", problems).unwrap_or_default();
    let cases: Vec<Option<Case>> = cases
        .into_iter()
        .map(|section| testing::read(section, outbound.is_some(), inbound.is_some(), problems))
        .collect();
    file.finish(problems);
    if !problems.is_empty() {
        return None;
    }
    let (outbound, inbound) = (outbound.flatten(), inbound.flatten());
    let mut used = BTreeSet::new();
    let outbound_rules = outbound.iter().map(|one: &Outbound| one.rules.as_slice());
    let inbound_rules =
        inbound.iter().flat_map(|one: &Inbound| one.outcomes.iter().map(|one| one.rules.as_slice()));
    outbound_rules.chain(inbound_rules).for_each(|rules| used_tables(rules, &mut used));
    for name in tables.keys().filter(|name| !used.contains(name.as_str())) {
        found.push((1, format!("[table.{name}] is used by no rule")));
    }
    if cases.is_empty() {
        found.push((1, "there is no [[test]]: write one for every kind of demand and answer".into()));
    }
    let mut warnings: Vec<Warning> =
        found.into_iter().map(|(line, message)| Warning { line, message }).collect();
    warnings.sort();
    warnings.dedup();
    let (id, description) = header?;
    let cases = cases.into_iter().flatten().collect();
    Some(Mapping { id, description, outbound, inbound, cases, warnings, tables })
}

fn read_header(
    mut section: Section<'_>,
    text: &str,
    problems: &mut Problems<'_>,
) -> Option<(MappingVersion, String)> {
    if section.has("language") {
        let language = section.number("language", 1..=usize::MAX, problems);
        if let Some(language) = language.filter(|language| language.value != LANGUAGE) {
            language.problem(problems, format!("this build reads language {LANGUAGE}"));
        }
    } else {
        problems.add(
            section.span.clone(),
            section.at.clone(),
            format!("`language` is missing: write language = {LANGUAGE}"),
        );
        section.number("language", 1..=usize::MAX, problems);
    }
    let name = section.needed("name", problems);
    let version = section.needed("version", problems);
    let description = section.needed("description", problems);
    for (field, most) in [(&name, 60), (&version, 40)] {
        if let Some(field) = field.as_ref().filter(|field| !is_label(&field.value, most)) {
            field.problem(problems, format!("1 to {most} of A-Z a-z 0-9 . _ - and no blanks, because it is recorded with every receipt"));
        }
    }
    section.finish(problems);
    let id =
        MappingVersion { name: name?.value, version: version?.value, sha256: Digest::of(text.as_bytes()) };
    Some((id, description?.value))
}

fn is_label(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn read_tables(section: &Section<'_>, problems: &mut Problems<'_>) -> Tables {
    let mut tables = Tables::new();
    for (name, value, span) in section.entries() {
        let Some(table) = value.as_table() else {
            name.problem(
                problems,
                format!("is no table; write [table.{}] and below it `code = \"other code\"`", name.value),
            );
            continue;
        };
        let table = Section::new(table, span, name.at.clone());
        let mut entries = BTreeMap::new();
        for (code, value, span) in table.entries() {
            match scalar(value) {
                Some(value) => drop(entries.insert(code.value, value)),
                None => problems.add(span, code.at, "a code becomes a text, a whole number, true or false"),
            }
        }
        if entries.is_empty() || entries.len() > MAX_ENTRIES {
            name.problem(problems, format!("a code table has 1 to {MAX_ENTRIES} entries"));
        }
        tables.insert(name.value, entries);
    }
    tables
}

fn used_tables<'r>(rules: &'r [Rule], used: &mut BTreeSet<&'r str>) {
    for rule in rules {
        used.extend(rule.table.as_deref());
        if let Source::Each { part: Part::Record(inner), .. } = &rule.from {
            used_tables(inner, used);
        }
    }
}

/// The character set of a direction; UTF-8 when none is named.
pub(crate) fn read_charset(section: &mut Section<'_>, problems: &mut Problems<'_>) -> Charset {
    let Some(name) = section.text("charset", problems) else { return Charset::Utf8 };
    Charset::named(&name.value).unwrap_or_else(|| {
        name.problem(
            problems,
            format!("there is no character set `{}`; there are {}", name.value, listed(&Charset::NAMES)),
        );
        Charset::Utf8
    })
}

/// One of these words.
pub(crate) fn read_word<T: Copy>(
    word: Option<At<String>>,
    known: &[(&'static str, T)],
    problems: &mut Problems<'_>,
) -> Option<T> {
    let word = word?;
    let found = known.iter().find(|(name, _)| *name == word.value).map(|(_, value)| *value);
    if found.is_none() {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        word.problem(problems, format!("`{}` is unknown here; there are {}", word.value, listed(&names)));
    }
    found
}
