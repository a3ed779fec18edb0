//! The fallback: a page with the physical seal, scanned in colour (R61: 可使用实物印章转换为彩色印章扫描件).

use std::{collections::BTreeSet, io::Cursor};

use image::{ImageFormat, ImageReader, Limits};
use jiff::Timestamp;

use super::{Mark, Seal, SealError, SealV1, Sealer, check_organisation, digest};

/// Largest scan: A4 at 600 dots per inch has 35 million.
pub(super) const MOST_PIXELS: u64 = 40_000_000;
/// How far apart a pixel's strongest and weakest colour must be to count as coloured, of 255: more than the tint that a
/// scanner or JPEG gives to grey.
const COLOURED: u8 = 64;
/// One pixel of so many must be coloured. A seal of 42 mm on A4 is red on about one pixel of a hundred.
const ONE_OF: u64 = 2_000;

/// Which organisations may seal by scan; configuration, because the permission is given and taken.
#[derive(Debug, Clone, Default)]
pub struct ScanPolicy(BTreeSet<String>);

impl ScanPolicy {
    /// These may, by their codes.
    pub fn new(organisations: impl IntoIterator<Item = String>) -> Self {
        Self(organisations.into_iter().collect())
    }

    /// Whether `organisation` may seal by scan.
    ///
    /// # Errors
    /// When it may not.
    pub fn check(&self, organisation: &str) -> Result<(), SealError> {
        if self.0.contains(organisation) {
            return Ok(());
        }
        Err(SealError::NotPermitted(organisation.to_owned()))
    }
}

/// Seals with a scanned page.
#[derive(Debug)]
pub struct ScanSealer {
    organisation: String,
    mark: Mark,
}

impl ScanSealer {
    /// Looks at permission and scan.
    ///
    /// # Errors
    /// No permission, no picture, or one without colour.
    pub fn new(organisation: &str, policy: &ScanPolicy, scan: &[u8]) -> Result<Self, SealError> {
        check_organisation(organisation)?;
        policy.check(organisation)?;
        let format = check_colour(scan)?;
        let scan_media_type = if format == ImageFormat::Png { "image/png" } else { "image/jpeg" };
        let mark =
            Mark::ColourScan { scan_sha256: digest(scan), scan_media_type: scan_media_type.to_owned() };
        Ok(Self { organisation: organisation.to_owned(), mark })
    }
}

impl Sealer for ScanSealer {
    fn seal(&self, document: &[u8], at: Timestamp) -> Result<Seal, SealError> {
        Ok(Seal::V1(SealV1::of(document, &self.organisation, at, self.mark.clone())))
    }
}

/// Whether a PNG or JPEG has colour on it.
fn check_colour(scan: &[u8]) -> Result<ImageFormat, SealError> {
    let unreadable = |error: &dyn std::fmt::Display| SealError::ScanUnreadable(error.to_string());
    let mut reader =
        ImageReader::new(Cursor::new(scan)).with_guessed_format().map_err(|error| unreadable(&error))?;
    let format = reader
        .format()
        .filter(|format| matches!(format, ImageFormat::Png | ImageFormat::Jpeg))
        .ok_or_else(|| unreadable(&"it is neither PNG nor JPEG"))?;
    let mut limits = Limits::default();
    // Four bytes a pixel while it is decoded, and as much again for the decoder.
    limits.max_alloc = Some(MOST_PIXELS * 8);
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| unreadable(&error))?;
    let pixels = u64::from(picture.width()) * u64::from(picture.height());
    if pixels > MOST_PIXELS {
        return Err(unreadable(&"it is too large"));
    }
    if !picture.color().has_color() {
        return Err(SealError::Grey);
    }
    let coloured = picture
        .to_rgb8()
        .pixels()
        .filter(|pixel| {
            let [r, g, b] = pixel.0;
            r.max(g).max(b) - r.min(g).min(b) >= COLOURED
        })
        .count() as u64;
    if coloured * ONE_OF < pixels.max(1) {
        return Err(SealError::Grey);
    }
    Ok(format)
}
