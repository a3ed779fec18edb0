//! Character sets of local systems. Nothing is ever replaced: a character that does not fit, and bytes that are not of the
//! set, are refused.

use encoding_rs::{Encoding, GB18030, GBK, UTF_8};

/// A character set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8.
    Utf8,
    /// GB 18030.
    Gb18030,
    /// GBK, without what GB 18030 added.
    Gbk,
}

impl Charset {
    /// The names as a mapping file writes them.
    pub const NAMES: [&str; 3] = ["utf-8", "gb18030", "gbk"];

    /// The set of this name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Some(Self::Utf8),
            "gb18030" => Some(Self::Gb18030),
            "gbk" | "gb2312" => Some(Self::Gbk),
            _ => None,
        }
    }

    /// The name, as in an XML declaration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Gb18030 => "GB18030",
            Self::Gbk => "GBK",
        }
    }

    fn encoding(self) -> &'static Encoding {
        match self {
            Self::Utf8 => UTF_8,
            Self::Gb18030 => GB18030,
            Self::Gbk => GBK,
        }
    }

    /// The bytes of a text; `None` when a character has no place in the set, or would come back as another one.
    pub(crate) fn encode(self, text: &str) -> Option<Vec<u8>> {
        if self == Self::Utf8 {
            return Some(text.as_bytes().to_vec());
        }
        let (bytes, _, unmappable) = self.encoding().encode(text);
        if unmappable {
            return None;
        }
        // Some characters of private use share their bytes with others.
        let back = self.encoding().decode_without_bom_handling_and_without_replacement(&bytes)?;
        (back == text).then(|| bytes.into_owned())
    }

    /// The text of these bytes.
    ///
    /// # Errors
    /// What the bytes look like instead.
    pub(crate) fn decode(self, bytes: &[u8]) -> Result<String, String> {
        let utf8 = std::str::from_utf8(bytes);
        let name = self.name();
        if self == Self::Utf8 {
            return utf8.map(|text| text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()).map_err(|error| {
                let at = error.valid_up_to();
                match GB18030.decode_without_bom_handling_and_without_replacement(bytes) {
                    Some(_) => format!(
                        "byte {at} is not UTF-8, but the whole could be GB18030: set `charset`, or have the local system say UTF-8 and send it"
                    ),
                    None => format!("byte {at} is not UTF-8: the answer is damaged or of an unknown character set"),
                }
            });
        }
        let text = self.encoding().decode_without_bom_handling_and_without_replacement(bytes);
        match text {
            // Readable in both sets. A few words of plain Chinese can be, such as 通渭; UTF-8 under a wrong name gives characters
            // that nobody writes.
            Some(text) if utf8.is_err() || text.chars().all(is_common) => Ok(text.into_owned()),
            _ if utf8.is_ok() => Err(format!(
                "the bytes are UTF-8, not {name}: set `charset = \"utf-8\"`, or correct the local system"
            )),
            _ => Err(format!("the bytes are neither {name} nor UTF-8: the answer is damaged")),
        }
    }
}

/// Whether a character stands in GB 2312, the 6,763 characters and signs of everyday Chinese: both its bytes are above A0.
fn is_common(c: char) -> bool {
    c.is_ascii() || matches!(*GB18030.encode(c.encode_utf8(&mut [0; 4])).0, [0xA1..=0xF7, 0xA1..=0xFE])
}

/// Length in bytes of GB 18030, as fields of local tables are measured; every character has one.
pub(crate) fn gb18030_len(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            c if c.is_ascii() => 1,
            c => {
                let mut buffer = [0; 4];
                GB18030.encode(c.encode_utf8(&mut buffer)).0.len().min(4)
            }
        })
        .sum()
}

/// Whether a text shows that it was read in a wrong character set before it came here.
pub(crate) fn is_damaged(text: &str) -> bool {
    text.contains('\u{fffd}') || text.contains("锟斤拷")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn wrong_code_pages_are_seen() {
        let text = "虚构市示例区人民法院";
        let gb = Charset::Gb18030.encode(text).unwrap();
        assert_eq!(Charset::Gb18030.decode(&gb).unwrap(), text);
        assert!(Charset::Utf8.decode(&gb).unwrap_err().contains("GB18030"));
        assert!(Charset::Gb18030.decode(text.as_bytes()).unwrap_err().contains("are UTF-8"));
        for short in ["甲", "中文", "乙虚构"] {
            assert!(Charset::Gb18030.decode(short.as_bytes()).unwrap_err().contains("are UTF-8"), "{short}");
        }
        assert!(Charset::Gb18030.decode(&gb[..gb.len() - 1]).unwrap_err().contains("damaged"));
        assert!(Charset::Utf8.decode(b"\xff\xff").unwrap_err().contains("damaged"));
        assert_eq!(Charset::Utf8.decode("\u{feff}a".as_bytes()).unwrap(), "a");
    }

    /// Chinese words whose GB bytes happen to be UTF-8.
    #[test]
    fn plain_words_are_read_although_their_bytes_are_utf8_too() {
        for word in ["通渭", "<a>袁英</a>"] {
            let gb = Charset::Gb18030.encode(word).unwrap();
            assert!(std::str::from_utf8(&gb).is_ok(), "{word}");
            assert_eq!(Charset::Gb18030.decode(&gb).unwrap(), word);
        }
    }

    #[test]
    fn what_has_no_place_is_refused() {
        assert_eq!(Charset::Gb18030.encode("𠮷").unwrap().len(), 4);
        assert_eq!(Charset::Gbk.encode("𠮷"), None);
        assert_eq!(Charset::Gb18030.encode("\u{e5e5}"), None);
        assert_eq!(gb18030_len("甲a𠮷"), 2 + 1 + 4);
    }
}
