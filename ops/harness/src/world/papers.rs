//! Invented documents of a case: small PDF files, each with other bytes.

use xiezhi_schemas::message::{Attachment, AttachmentRole, Digest, SealMode};

/// A document and the claim to it.
#[derive(Debug, Clone)]
pub struct Paper {
    /// What the demand says of it.
    pub attachment: Attachment,
    /// The file.
    pub bytes: Vec<u8>,
}

impl Paper {
    /// A document whose text is these lines.
    #[must_use]
    pub fn new(role: AttachmentRole, name: &str, lines: &[String]) -> Self {
        let bytes = pdf(lines);
        let sealed = matches!(role, AttachmentRole::Ruling | AttachmentRole::Notice);
        let attachment = Attachment {
            role,
            name: name.to_owned(),
            media_type: "application/pdf".to_owned(),
            sha256: Digest::of(&bytes),
            size: bytes.len() as u64,
            seal: sealed.then_some(SealMode::Electronic),
        };
        Self { attachment, bytes }
    }
}

/// Ruling, notice and officer's card of one case.
#[derive(Debug, Clone)]
pub struct Papers(Vec<Paper>);

impl Papers {
    /// The three that every demand needs. `title` and `number` are printed on them; ASCII, as the built-in fonts of
    /// PDF have no Chinese letters.
    #[must_use]
    pub fn of_case(title: &str, number: u64) -> Self {
        let paper = |role, name: &str, heading: &str| {
            let lines = [
                heading.to_owned(),
                format!("{title}, document {number}"),
                "Invented for a demonstration: no person, court case or property is meant.".to_owned(),
            ];
            Paper::new(role, name, &lines)
        };
        Self(vec![
            paper(AttachmentRole::Ruling, "执行裁定书.pdf", "RULING (zhixing caiding shu)"),
            paper(
                AttachmentRole::Notice,
                "协助执行通知书.pdf",
                "NOTICE OF ASSISTANCE (xiezhu zhixing tongzhi shu)",
            ),
            paper(AttachmentRole::WorkPermit, "执行人员工作证.pdf", "OFFICER'S WORK PERMIT (gongzuo zheng)"),
        ])
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Paper> {
        self.0.iter()
    }

    /// The claims.
    #[must_use]
    pub fn attachments(&self) -> Vec<Attachment> {
        self.0.iter().map(|paper| paper.attachment.clone()).collect()
    }
}

/// A PDF 1.4 file of one A4 page with these lines of printable ASCII; other characters become `?`.
#[must_use]
pub fn pdf(lines: &[String]) -> Vec<u8> {
    let mut text = "BT /F1 12 Tf 60 780 Td 18 TL\n".to_owned();
    for line in lines {
        let escaped: String = line
            .chars()
            .map(|c| match c {
                '(' | ')' | '\\' => format!("\\{c}"),
                ' '..='~' => c.to_string(),
                _ => "?".to_owned(),
            })
            .collect();
        text.push_str(&format!("({escaped}) Tj T*\n"));
    }
    text.push_str("ET\n");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{text}endstream", text.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut file = "%PDF-1.4\n".to_owned();
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        file.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
    }
    let xref = file.len();
    file.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1));
    for offset in offsets {
        file.push_str(&format!("{offset:010} 00000 n \n"));
    }
    file.push_str(&format!(
        "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{xref}\n%%EOF\n",
        objects.len() + 1
    ));
    file.into_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn the_table_of_a_pdf_points_at_its_objects() {
        let file = String::from_utf8(pdf(&["a (b) \\ 案".to_owned()])).unwrap();
        let table = file.split("xref\n0 6\n").nth(1).unwrap();
        for (index, line) in table.lines().skip(1).take(5).enumerate() {
            let at: usize = line[..10].parse().unwrap();
            assert!(file[at..].starts_with(&format!("{} 0 obj", index + 1)), "{line}");
        }
        let start: usize = file.lines().rev().nth(1).unwrap().parse().unwrap();
        assert!(file[start..].starts_with("xref"));
        assert!(file.contains("(a \\(b\\) \\\\ ?) Tj"));
    }

    #[test]
    fn documents_of_two_cases_differ() {
        let of = |n| Papers::of_case("Seizure", n).attachments();
        assert_ne!(of(1)[0].sha256, of(2)[0].sha256);
        assert_ne!(of(1)[0].sha256, of(1)[1].sha256);
        assert_eq!(of(1), of(1));
    }
}
