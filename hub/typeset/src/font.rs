//! The two faces the pages are set in: regular and bold of Noto Serif CJK SC, the Song (宋体) of Debian's package.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use krilla::text::{Font, GlyphId};
use skrifa::{
    FontRef, MetadataProvider,
    instance::{LocationRef, Size},
    raw::FileRef,
    string::StringId,
};

/// Debian's package with the fonts.
pub const PACKAGE: &str = "fonts-noto-cjk";
/// Files of the faces within the folder of fonts; each holds the family in five regional forms.
const REGULAR: &str = "NotoSerifCJK-Regular.ttc";
const BOLD: &str = "NotoSerifCJK-Bold.ttc";
/// The regional form of the mainland: the shapes of GB 18030.
const FAMILY: &str = "Noto Serif CJK SC";

/// The fonts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FontError {
    /// A file is not there or cannot be read.
    #[error(
        "[HUB-3412] the font {path} cannot be read; install it with `apt-get install {PACKAGE}`, or set forms.fonts to its folder"
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is something else than the expected font.
    #[error("[HUB-3412] {path} does not hold the font {FAMILY}; install the package {PACKAGE} anew")]
    Strange {
        /// The file.
        path: PathBuf,
    },
}

impl FontError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "HUB-3412"
    }
}

/// Both faces, in memory: about 53 MB while the value lives.
#[derive(Debug)]
pub struct Fonts {
    pub(crate) regular: Face,
    pub(crate) bold: Face,
}

impl Fonts {
    /// Reads the fonts from `folder`.
    ///
    /// # Errors
    /// When a file is missing or is not the font.
    pub fn open(folder: &Path) -> Result<Self, FontError> {
        Ok(Self { regular: Face::open(folder.join(REGULAR))?, bold: Face::open(folder.join(BOLD))? })
    }

    /// The first character of `text` that the face has no picture of.
    pub fn unprintable(&self, text: &str, bold: bool) -> Option<char> {
        let face = if bold { &self.bold } else { &self.regular };
        let charmap = face.metrics().charmap();
        text.chars().find(|c| charmap.map(*c).is_none_or(|glyph| glyph.to_u32() == 0))
    }
}

/// One face.
#[derive(Debug)]
pub(crate) struct Face {
    pub(crate) font: Font,
    data: std::sync::Arc<Vec<u8>>,
    index: u32,
}

/// A character's picture and how wide it is, in parts of the character's size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Glyph {
    pub(crate) id: GlyphId,
    pub(crate) advance: f32,
}

impl Face {
    fn open(path: PathBuf) -> Result<Self, FontError> {
        let bytes = fs::read(&path).map_err(|source| FontError::Missing { path: path.clone(), source })?;
        let data = std::sync::Arc::new(bytes);
        let strange = || FontError::Strange { path: path.clone() };
        let index = find(&data).ok_or_else(strange)?;
        let font = Font::new(data.clone().into(), index).ok_or_else(strange)?;
        Ok(Self { font, data, index })
    }

    fn metrics(&self) -> FontRef<'_> {
        FontRef::from_index(&self.data, self.index).expect("the font was read from these bytes before")
    }

    /// The pictures of the characters of a text.
    ///
    /// # Errors
    /// The first character without one.
    pub(crate) fn glyphs(&self, text: &str) -> Result<Vec<Glyph>, char> {
        let font = self.metrics();
        let charmap = font.charmap();
        let widths = font.glyph_metrics(Size::new(1.0), LocationRef::default());
        text.chars()
            .map(|c| {
                let id = charmap.map(c).filter(|glyph| glyph.to_u32() != 0).ok_or(c)?;
                let advance = widths.advance_width(id).ok_or(c)?;
                Ok(Glyph { id: GlyphId::new(id.to_u32()), advance })
            })
            .collect()
    }
}

/// Index of the family in a collection.
fn find(data: &[u8]) -> Option<u32> {
    let FileRef::Collection(collection) = FileRef::new(data).ok()? else { return None };
    (0..collection.len()).find(|index| {
        collection.get(*index).is_ok_and(|font| {
            font.localized_strings(StringId::FAMILY_NAME).any(|name| name.chars().eq(FAMILY.chars()))
        })
    })
}
