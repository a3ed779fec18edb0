//! Looks at the words of an expression before it is compiled: which filters, tests and functions it names, with which literal
//! texts. The engine would tell an unknown filter only when a demand runs into it; here the file is refused instead.

/// One word or sign.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Name(String),
    Text(String),
    Number,
    Sign(char),
}

/// What an expression names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// Filters with the literal texts among their arguments, in order.
    pub(crate) filters: Vec<(String, Vec<String>)>,
    /// Tests after `is`.
    pub(crate) tests: Vec<String>,
    /// Paths before `is defined` and `is not defined`.
    pub(crate) guarded: Vec<String>,
    /// Names that are called as functions or methods.
    pub(crate) calls: Vec<String>,
    /// Signs of arithmetic that may multiply a text.
    pub(crate) costly: Option<char>,
}

/// Words of the expression language that may stand before a bracket.
const KEYWORDS: [&str; 7] = ["not", "and", "or", "if", "else", "in", "is"];

/// Reads the words of an expression; one that does not compile gives some of them.
pub(crate) fn scan(expression: &str) -> Words {
    let words = split(expression);
    let mut found = Words::default();
    let mut at = 0;
    while at < words.len() {
        match &words[at] {
            Word::Sign('|') => {
                if let Some(Word::Name(name)) = words.get(at + 1) {
                    found.filters.push((name.clone(), literals(&words[at + 2..])));
                    at += 1;
                }
            }
            Word::Name(name) if name == "is" => {
                let not = matches!(words.get(at + 1), Some(Word::Name(next)) if next == "not");
                let test = at + 1 + usize::from(not);
                if let Some(Word::Name(test)) = words.get(test) {
                    found.tests.push(test.clone());
                    if test == "defined" {
                        found.guarded.extend(path_before(&words[..at]));
                    }
                }
                at = test;
            }
            Word::Name(name)
                if words.get(at + 1) == Some(&Word::Sign('(')) && !KEYWORDS.contains(&name.as_str()) =>
            {
                found.calls.push(name.clone());
            }
            Word::Sign(sign @ ('*' | '/' | '%')) => found.costly = Some(*sign),
            _ => {}
        }
        at += 1;
    }
    found
}

/// The literal texts in the brackets that follow a filter's name.
fn literals(words: &[Word]) -> Vec<String> {
    if words.first() != Some(&Word::Sign('(')) {
        return Vec::new();
    }
    words
        .iter()
        .skip(1)
        .take_while(|word| !matches!(word, Word::Sign('(' | ')')))
        .filter_map(|word| if let Word::Text(text) = word { Some(text.clone()) } else { None })
        .collect()
}

/// The path `a.b.c` or `a.b['c']` that ends the words, as `a.b.c`.
fn path_before(words: &[Word]) -> Option<String> {
    let mut steps = Vec::new();
    let mut rest = words;
    loop {
        match rest {
            [before @ .., Word::Sign('['), Word::Text(name), Word::Sign(']')] => {
                steps.push(name.clone());
                rest = before;
            }
            [before @ .., Word::Sign('.'), Word::Name(name)] => {
                steps.push(name.clone());
                rest = before;
            }
            [.., Word::Name(name)] => {
                steps.push(name.clone());
                steps.reverse();
                return Some(steps.join("."));
            }
            _ => return None,
        }
    }
}

fn split(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&c) = chars.peek() {
        if c.is_whitespace() {
            chars.next();
        } else if c == '\'' || c == '"' {
            chars.next();
            let mut inner = String::new();
            while let Some(next) = chars.next().filter(|next| *next != c) {
                if next == '\\' { inner.extend(chars.next()) } else { inner.push(next) }
            }
            words.push(Word::Text(inner));
        } else if c.is_ascii_digit() {
            while chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_').is_some() {}
            words.push(Word::Number);
        } else if c.is_alphanumeric() || c == '_' {
            let mut name = String::new();
            while let Some(next) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                name.push(next);
            }
            words.push(Word::Name(name));
        } else {
            words.push(Word::Sign(c));
            chars.next();
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_they_act() {
        let words =
            scan("demand.period.from | date('yyyy/MM/dd') if demand.period is defined else 'a | b(c)'");
        assert_eq!(words.filters, [("date".to_owned(), vec!["yyyy/MM/dd".to_owned()])]);
        assert_eq!(words.tests, ["defined"]);
        assert_eq!(words.guarded, ["demand.period"]);
        assert!(words.calls.is_empty() && words.costly.is_none());

        let words = scan("src.答复['@CXQQDH'] is not defined and (src.案号.upper() ~ range(9)) * 3 > 1");
        assert_eq!(words.guarded, ["src.答复.@CXQQDH"]);
        assert_eq!(words.calls, ["upper", "range"]);
        assert_eq!(words.costly, Some('*'));
    }
}
