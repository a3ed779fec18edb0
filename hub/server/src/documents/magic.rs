//! First bytes of the media types we take. A check against mistakes, not against malice: contents are never interpreted.

/// How many bytes [`fits`] needs.
pub(super) const NEEDED: usize = 8;

/// Whether a document that begins with `head` can be of `media_type`.
pub(super) fn fits(media_type: &str, head: &[u8]) -> bool {
    let magic: &[u8] = match media_type {
        "application/pdf" => b"%PDF-",
        "image/png" => b"\x89PNG\r\n\x1a\n",
        "image/jpeg" => b"\xFF\xD8\xFF",
        // OFD (GB/T 33190) is a ZIP archive.
        "application/ofd" => b"PK\x03\x04",
        _ => return false,
    };
    head.starts_with(magic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_fits_its_own_bytes_only() {
        let heads: [(&str, &[u8]); 4] = [
            ("application/pdf", b"%PDF-1.7"),
            ("image/png", b"\x89PNG\r\n\x1a\n"),
            ("image/jpeg", b"\xFF\xD8\xFF\xE0\0\x10JF"),
            ("application/ofd", b"PK\x03\x04\x14\0\0\0"),
        ];
        for (media_type, _) in heads {
            for (other, head) in heads {
                assert_eq!(fits(media_type, head), media_type == other, "{media_type} {other}");
            }
            assert!(!fits(media_type, b""));
        }
        assert!(!fits("text/html", b"<html>"));
    }
}
