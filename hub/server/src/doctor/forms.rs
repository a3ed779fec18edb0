//! The forms: whether they can be printed on this machine, and what they say.

use super::{Check, Status};
use crate::{
    code::chain,
    config::{FormsSettings, Loaded},
    forms::Desk,
};

/// Looks at wording and fonts. Without fonts the hub delivers as ever; only the printed form is missing.
pub(super) fn checks(settings: &Loaded) -> Vec<Check> {
    let section: FormsSettings = match settings.section("forms") {
        Ok(section) => section,
        Err(_) => return vec![Check::skipped("fonts", "the settings of the forms are not sound")],
    };
    let desk = match Desk::open(&section) {
        Ok(desk) => desk,
        Err(error) => {
            let advice = "correct the file that forms.wording_file names, or leave the setting empty";
            return vec![Check::bad("wording", Status::Fail, chain(&error), advice)];
        }
    };
    vec![match desk.fonts() {
        Ok(_) => {
            Check::ok("fonts", format!("the forms are printed with those of {}", section.fonts.display()))
        }
        Err(error) => Check::bad(
            "fonts",
            Status::Warn,
            chain(&error),
            "run `apt-get install fonts-noto-cjk`, or set forms.fonts to the folder that holds them; no form is printed without",
        ),
    }]
}
