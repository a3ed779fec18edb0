//! How the lines of a form look on the page: sizes of official papers, what is filled in underlined.

use jiff::civil::Date;
use xiezhi_typeset::{Align, Block, Run, Sheet};

use crate::{
    slot::Values,
    template::{Look, Piece},
    wording::Version,
};

/// Size of the text: 四号, 14 pt, in tenths of a point; with 三号 the notices would not fit on one page.
const TEXT: u16 = 140;

/// The form as a sheet.
pub(crate) fn sheet(version: &Version, values: &Values, date: Date) -> Sheet {
    let blocks = version.lines.iter().map(|line| block(line.look, &line.pieces, values));
    let blocks: Vec<Block> =
        blocks.filter(|block| block.runs.iter().any(|run| !run.text.is_empty())).collect();
    let title: String = version
        .lines
        .iter()
        .filter(|line| line.look == Look::Title)
        .flat_map(|line| &line.pieces)
        .map(|piece| piece.fill(values))
        .collect();
    Sheet { title, date, blocks, footer: version.footer() }
}

fn block(look: Look, pieces: &[Piece], values: &Values) -> Block {
    let text = Block {
        runs: Vec::new(),
        align: Align::Justified,
        size: TEXT,
        bold: false,
        indent: 0,
        space_above: 0,
        right_margin: 0,
    };
    let mut block = match look {
        Look::Court => Block { align: Align::Centre, size: 200, bold: true, ..text },
        Look::Title => Block { align: Align::Centre, size: 240, bold: true, ..text },
        Look::Mark => Block { align: Align::Centre, size: 120, ..text },
        Look::Number => Block { align: Align::Right, space_above: 10, ..text },
        Look::Address => Block { space_above: 12, ..text },
        Look::Body => Block { indent: 2, ..text },
        Look::Signature => Block { align: Align::Right, space_above: 30, right_margin: 2, ..text },
        Look::Date => Block { align: Align::Right, space_above: 24, right_margin: 2, ..text },
        Look::Seal => Block { align: Align::Right, right_margin: 4, ..text },
        Look::Note => Block { indent: 2, space_above: 6, ..text },
    };
    // Headings, addresses and signatures are names by themselves; lines stand below what is filled into a sentence.
    let sentence = matches!(look, Look::Body | Look::Note);
    block.runs = pieces
        .iter()
        .map(|piece| {
            let underlined = sentence && matches!(piece, Piece::Blank { slot, .. } if !slot.is_mark());
            Run { text: piece.fill(values), underlined }
        })
        .collect();
    block
}
