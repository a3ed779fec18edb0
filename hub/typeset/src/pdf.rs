//! From a sheet to the bytes of a PDF/A-2b.

use krilla::{
    Document, SerializeSettings,
    color::luma,
    configure::{Archival, ConfigurationBuilder, ValidationError},
    error::KrillaError,
    geom::{PathBuilder, Point, Rect},
    metadata::{DateTime, Metadata},
    num::NormalizedF32,
    page::PageSettings,
    paint::{Fill, FillRule},
    surface::Surface,
    text::KrillaGlyph,
};

use crate::{
    font::{Face, Fonts},
    lines::{self, Set},
    sheet::{Align, Block, Sheet},
};

/// A4 in points, and the type area of official papers: 28 mm at the left, 26 mm at the right, 37 mm above, 35 mm below
/// (GB/T 9704-2012 5.2).
const PAGE: (f32, f32) = (595.28, 841.89);
const LEFT: f32 = 79.37;
const RIGHT: f32 = 595.28 - 73.7;
const TOP: f32 = 104.88;
const BOTTOM: f32 = 841.89 - 99.21;
/// From one line to the next, in characters.
const LINE: f32 = 1.75;
/// Most that the gap between two characters grows when a line is filled, in characters. Readers of PDF take a tenth for a
/// blank.
const MOST_STRETCH: f32 = 0.08;
/// Pages a sheet may have: forms are one page, long lists of numbers make them two.
const MOST_PAGES: usize = 20;
const FOOTER_SIZE: f32 = 9.0;

/// A sheet cannot be set.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// A character without a picture. Boxes are never printed: a clerk must see that the name is not the person's.
    #[error(
        "[HUB-3413] no font has the character {c} (U+{:04X}); write it by its composition, or add a font that has it",
        u32::from(*c)
    )]
    Unprintable {
        /// The character.
        c: char,
    },
    /// More pages than anything that is filled in can need.
    #[error(
        "[HUB-3414] the text fills more than {MOST_PAGES} pages; shorten it or split it over several forms"
    )]
    TooLong,
    /// PDF/A could not be written.
    #[error("[HUB-3414] the PDF cannot be written: {0}")]
    Pdf(String),
}

impl SetError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unprintable { .. } => "HUB-3413",
            Self::TooLong | Self::Pdf(_) => "HUB-3414",
        }
    }
}

impl From<KrillaError> for SetError {
    fn from(error: KrillaError) -> Self {
        Self::Pdf(match error {
            KrillaError::Validation(errors) => {
                let all: Vec<String> = errors.iter().map(|(error, _)| brief(error)).collect();
                all.join("; ")
            }
            other => other.to_string(),
        })
    }
}

/// Name of a rule of PDF/A that is broken, without the font it is about.
fn brief(error: &ValidationError) -> String {
    let whole = format!("{error:?}");
    whole.split('(').next().unwrap_or_default().to_owned()
}

/// A line with its place.
struct Placed<'a> {
    text: &'a [Set],
    face: &'a Face,
    size: f32,
    x: f32,
    baseline: f32,
    /// Added after each character, in characters.
    stretch: f32,
}

impl Sheet {
    /// The sheet as PDF/A-2b.
    ///
    /// # Errors
    /// When a character has no picture in the fonts, or the text is too long.
    pub fn to_pdf(&self, fonts: &Fonts) -> Result<Vec<u8>, SetError> {
        let texts = self.blocks.iter().map(|block| prepare(block, fonts)).collect::<Result<Vec<_>, _>>()?;
        let footer = set_plain(&self.footer, &fonts.regular)?;
        let pages = self.place(&texts, fonts)?;

        let configuration = ConfigurationBuilder::new()
            .with_archival_validator(Archival::A2_B)
            .finish()
            .expect("PDF/A-2b alone contradicts nothing");
        let mut document = Document::new_with(SerializeSettings { configuration, ..Default::default() });
        let date = DateTime::new(self.date.year().unsigned_abs())
            .month(self.date.month().unsigned_abs())
            .day(self.date.day().unsigned_abs())
            .hour(0)
            .minute(0)
            .second(0)
            .utc_offset_hour(8);
        document.set_metadata(
            Metadata::new()
                .creation_date(date)
                .title(self.title.clone())
                .language("zh-CN".to_owned())
                .creator("Xiezhi".to_owned())
                .producer("krilla".to_owned()),
        );
        let settings = PageSettings::from_wh(PAGE.0, PAGE.1).expect("the page has a size");
        for lines in pages {
            let mut page = document.start_page_with(settings.clone());
            let mut surface = page.surface();
            surface.set_fill(Some(Fill {
                paint: luma::Color::black().into(),
                opacity: NormalizedF32::ONE,
                rule: FillRule::NonZero,
            }));
            for line in &lines {
                draw(&mut surface, line);
            }
            let x = (PAGE.0 - width(&footer) * FOOTER_SIZE) / 2.0;
            let foot = Placed {
                text: &footer,
                face: &fonts.regular,
                size: FOOTER_SIZE,
                x,
                baseline: BOTTOM + 36.0,
                stretch: 0.0,
            };
            draw(&mut surface, &foot);
            surface.finish();
            page.finish();
        }
        Ok(document.finish()?)
    }

    fn place<'a>(&self, texts: &'a [Vec<Set>], fonts: &'a Fonts) -> Result<Vec<Vec<Placed<'a>>>, SetError> {
        let mut pages = vec![Vec::new()];
        let mut y = TOP;
        for (block, text) in self.blocks.iter().zip(texts) {
            let size = f32::from(block.size) / 10.0;
            let room = (RIGHT - LEFT) / size - f32::from(block.right_margin);
            y += f32::from(block.space_above);
            for (at, line) in lines::split(text, room, f32::from(block.indent)).iter().enumerate() {
                if y + size * LINE > BOTTOM {
                    if pages.len() == MOST_PAGES {
                        return Err(SetError::TooLong);
                    }
                    pages.push(Vec::new());
                    y = TOP;
                }
                let indent = if at == 0 { f32::from(block.indent) } else { 0.0 };
                let is_last = line.last().zip(text.last()).is_some_and(|(a, b)| std::ptr::eq(a, b));
                let (x, stretch) = stand(block.align, line, room, indent, is_last);
                let page = pages.last_mut().expect("there is always a page");
                page.push(Placed {
                    text: line,
                    face: face(block.bold, fonts),
                    size,
                    x: LEFT + x * size,
                    baseline: y + size,
                    stretch,
                });
                y += size * LINE;
            }
        }
        Ok(pages)
    }
}

/// Where a line begins, and how far its characters are moved apart; all in characters.
fn stand(align: Align, line: &[Set], room: f32, indent: f32, is_last: bool) -> (f32, f32) {
    let free = (room - indent - width(line)).max(0.0);
    match align {
        Align::Centre => (free / 2.0, 0.0),
        Align::Right => (free, 0.0),
        Align::Justified if is_last || line.len() < 2 => (indent, 0.0),
        Align::Justified => {
            let gaps = u16::try_from(line.len() - 1).map_or(f32::MAX, f32::from);
            (indent, (free / gaps).min(MOST_STRETCH))
        }
    }
}

fn width(line: &[Set]) -> f32 {
    let printed = line.len() - line.iter().rev().take_while(|set| set.c == ' ').count();
    line[..printed].iter().map(|set| set.glyph.advance).sum()
}

fn face(bold: bool, fonts: &Fonts) -> &Face {
    if bold { &fonts.bold } else { &fonts.regular }
}

fn prepare(block: &Block, fonts: &Fonts) -> Result<Vec<Set>, SetError> {
    let mut text = Vec::new();
    for run in &block.runs {
        let glyphs = face(block.bold, fonts).glyphs(&run.text).map_err(|c| SetError::Unprintable { c })?;
        text.extend(run.text.chars().zip(glyphs).map(|(c, glyph)| Set {
            c,
            glyph,
            underlined: run.underlined,
        }));
    }
    Ok(text)
}

fn set_plain(text: &str, face: &Face) -> Result<Vec<Set>, SetError> {
    let glyphs = face.glyphs(text).map_err(|c| SetError::Unprintable { c })?;
    Ok(text.chars().zip(glyphs).map(|(c, glyph)| Set { c, glyph, underlined: false }).collect())
}

fn draw(surface: &mut Surface<'_>, line: &Placed<'_>) {
    let mut text = String::new();
    let mut glyphs = Vec::with_capacity(line.text.len());
    let mut x = line.x;
    let mut underline: Option<f32> = None;
    for set in line.text {
        let begin = text.len();
        text.push(set.c);
        let advance = set.glyph.advance + line.stretch;
        glyphs.push(KrillaGlyph::new(set.glyph.id, advance, 0.0, 0.0, 0.0, begin..text.len(), None));
        match (set.underlined, underline) {
            (true, None) => underline = Some(x),
            (false, Some(from)) => {
                rule(surface, from, x, line);
                underline = None;
            }
            _ => {}
        }
        x += advance * line.size;
    }
    if let Some(from) = underline {
        rule(surface, from, x, line);
    }
    if !glyphs.is_empty() {
        let start = Point::from_xy(line.x, line.baseline);
        surface.draw_glyphs(start, &glyphs, line.face.font.clone(), &text, line.size, false);
    }
}

/// The line under what is filled in.
fn rule(surface: &mut Surface<'_>, from: f32, to: f32, line: &Placed<'_>) {
    let y = line.baseline + line.size * 0.2;
    let mut path = PathBuilder::new();
    if let Some(rect) = Rect::from_ltrb(from, y, to, y + 0.6) {
        path.push_rect(rect);
    }
    if let Some(path) = path.finish() {
        surface.draw_path(&path);
    }
}
