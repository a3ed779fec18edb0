//! The table of where each demand is: redrawn in place on a terminal, one line for each piece of news elsewhere.

use std::collections::HashMap;
use std::io::IsTerminal as _;

use harness::world::World;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use jiff::tz::{TimeZone, offset};
use serde_json::Value;
use uuid::Uuid;
use xiezhi_schemas::message::Kind;

/// Columns of the table: the order in which the demands of one unit are sent.
pub(crate) const KINDS: [Kind; 4] = [Kind::Seizure, Kind::Waiting, Kind::Renewal, Kind::Lifting];

/// Columns of a cell and of a province's name; together four cells and a name fill a terminal of 80.
const CELL: usize = 18;
const NAME: usize = 10;

#[derive(Default, Clone)]
struct Cell {
    state: String,
    receipt: String,
}

impl Cell {
    /// As short as the form's own words are: 正式 (formal), 轮候 (waiting), 解除 (lifted).
    fn short(&self) -> String {
        let state = match self.state.split_once(' ') {
            Some(("waiting", place)) => format!("轮候{place}"),
            _ => match self.state.as_str() {
                "formal" => "正式".to_owned(),
                "lifted" => "解除".to_owned(),
                other => other.to_owned(),
            },
        };
        // Without the milliseconds.
        let receipt = self.receipt.rsplit_once('.').map_or(self.receipt.as_str(), |(to_second, _)| to_second);
        pad(&format!("{state} {receipt}"))
    }
}

struct Row {
    name: String,
    cells: [Cell; KINDS.len()],
    bar: Option<ProgressBar>,
}

/// The table.
pub(crate) struct Board {
    rows: Vec<Row>,
    places: HashMap<Uuid, (usize, usize)>,
    // Keeps the bars together while they are drawn.
    _bars: MultiProgress,
}

impl Board {
    /// An empty table with one row for each province.
    pub(crate) fn new(world: &World) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let style = || ProgressStyle::with_template("{wide_msg}").ok();
        if terminal {
            let title = |kind: &Kind| pad(&format!("{} {}", kind.chinese(), kind.as_str()));
            println!("{}{}", pad_to("", NAME), KINDS.iter().map(title).collect::<String>());
        }
        let row = |province: &harness::world::Province| {
            let bar =
                terminal.then(style).flatten().map(|style| bars.add(ProgressBar::new(1).with_style(style)));
            let name = format!("{} {}", province.code, province.name);
            Row { name, cells: Default::default(), bar }
        };
        let rows = world.provinces().iter().map(row).collect();
        Self { rows, places: HashMap::new(), _bars: bars }
    }

    /// Says that a request belongs into a cell.
    pub(crate) fn place(&mut self, request: Uuid, province: usize, kind: Kind) {
        let column = KINDS.iter().position(|k| *k == kind).unwrap_or_default();
        self.places.insert(request, (province, column));
        self.set(province, column, |cell| "in flight".clone_into(&mut cell.state));
    }

    /// Takes one event of a court's stream. Gives the request when the event ends its journey.
    pub(crate) fn news(&mut self, event: &Value) -> Option<Uuid> {
        let request: Uuid = event["request_id"].as_str()?.parse().ok()?;
        let (province, column) = *self.places.get(&request)?;
        let body = &event["body"];
        let word = body["event"].as_str().unwrap_or_default().to_owned();
        let state = match word.as_str() {
            "registered" => registration(&body["registration"]),
            other => other.to_owned(),
        };
        let receipt = (word == "delivered").then(|| stamp(body));
        self.set(province, column, |cell| {
            cell.state = state;
            if let Some(receipt) = receipt {
                cell.receipt = receipt;
            }
        });
        matches!(word.as_str(), "registered" | "returned" | "undelivered" | "closed").then_some(request)
    }

    fn set(&mut self, province: usize, column: usize, change: impl FnOnce(&mut Cell)) {
        let Some(row) = self.rows.get_mut(province) else { return };
        let Some(cell) = row.cells.get_mut(column) else { return };
        change(cell);
        match &row.bar {
            Some(bar) => {
                let cells: String = row.cells.iter().map(Cell::short).collect();
                bar.set_message(format!("{}{}", pad_to(&row.name, NAME), cells.trim_end()));
            }
            // Without a terminal only ends of journeys are worth a line.
            None if cell.state != "in flight" && cell.state != "delivered" => {
                println!("  {} {}: {} {}", row.name, KINDS[column].as_str(), cell.state, cell.receipt);
            }
            None => {}
        }
    }

    /// Leaves the table as it is on the screen.
    pub(crate) fn finish(self) {
        let bars: Vec<_> = self.rows.iter().filter_map(|row| row.bar.as_ref()).collect();
        bars.iter().for_each(|bar| bar.abandon());
        if !bars.is_empty() {
            println!(
                "\n正式 formal, 轮候 waiting with its place, 解除 lifted; # is the receipt's number at the registry"
            );
        }
    }
}

/// `formal`, `waiting 1`, `lifted`.
fn registration(registration: &Value) -> String {
    let status = registration["status"].as_str().unwrap_or("registered");
    match registration["waiting_position"].as_u64() {
        Some(place) => format!("{status} {place}"),
        None => status.to_owned(),
    }
}

/// `#3 21:04:05.123` in the registries' time of day.
fn stamp(body: &Value) -> String {
    let at = body["delivered_at"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let time = at.map(time_of_day).unwrap_or_default();
    format!("#{} {time}", body["no"])
}

/// Time of day in China, to the millisecond.
pub(crate) fn time_of_day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::fixed(offset(8))).strftime("%H:%M:%S%.3f").to_string()
}

fn pad(text: &str) -> String {
    pad_to(text, CELL)
}

/// Fills up with blanks, one at least; Chinese letters are two columns wide.
pub(crate) fn pad_to(text: &str, columns: usize) -> String {
    let width: usize = text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
    format!("{text}{}", " ".repeat(columns.saturating_sub(width).max(1)))
}
