//! `hub form`: the forms of the annex, from a stored request or from a file, read back, sealed and verified.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};
use xiezhi_forms::{
    Form,
    seal::{ScanSealer, Seal, Sealer, SoftwareSealer, verifying_key},
};
use xiezhi_schemas::strict_json::{self, Limits};

use super::{ApiArgs, Failure, client::Api, demands::segment, output, papers::read};
use crate::{
    config::{FormsSettings, Loaded},
    forms::{Desk, Which, scan_policy},
    keys::read_private,
};

#[derive(Debug, Subcommand)]
pub(super) enum FormCommand {
    /// Write a 协助执行通知书 (forms 1 to 3).
    Notice(WriteArgs),
    /// Write a 协助执行通知书（回执） (form 4).
    Receipt(WriteArgs),
    /// Read a form back from its text, e.g. from `pdftotext`; prints its data.
    Read {
        /// The text; `-` reads standard input.
        file: PathBuf,
    },
    /// Print the wording of the forms that is in effect.
    Wording,
    /// Seal a document; writes a seal file beside it.
    Seal(SealArgs),
    /// Verify an electronic seal.
    Verify(VerifyArgs),
}

/// Where a form comes from and goes to.
#[derive(Debug, Args)]
pub(super) struct WriteArgs {
    /// A stored request: the id that the hub answered, or the court's own demand id.
    #[arg(long, value_name = "ID", required_unless_present = "data")]
    request: Option<String>,
    /// Which unit, from 1, of a demand with several.
    #[arg(long, requires = "request")]
    unit: Option<u16>,
    /// The court, for operators who ask by demand id.
    #[arg(long, requires = "request")]
    sender: Option<String>,
    /// The form's data, JSON; `-` reads standard input. `--request ID --json` shows how it looks.
    #[arg(long, value_name = "FILE", conflicts_with = "request")]
    data: Option<PathBuf>,
    /// Where the PDF goes; `-` is standard output.
    #[arg(long, value_name = "FILE", required_unless_present = "json")]
    out: Option<PathBuf>,
    /// Print data, text and warnings as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Args)]
pub(super) struct SealArgs {
    /// The document.
    file: PathBuf,
    /// Whose seal: a court's 代字 or a registry's code.
    #[arg(long)]
    organisation: String,
    /// SM2 key (PKCS#8, PEM), readable by nobody else.
    #[arg(long, value_name = "FILE", required_unless_present = "scan", conflicts_with = "scan")]
    key: Option<PathBuf>,
    /// The fallback: the page with the physical seal, scanned in colour (PNG or JPEG).
    #[arg(long, value_name = "FILE")]
    scan: Option<PathBuf>,
    /// The seal file; beside the document if not given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The document.
    file: PathBuf,
    /// Its seal file.
    #[arg(long, value_name = "FILE")]
    seal: PathBuf,
    /// Whose seal it should be.
    #[arg(long)]
    organisation: String,
    /// The organisation's public key as it stands in its seal files, from a place you trust.
    #[arg(long, value_name = "HEX")]
    public_key: String,
}

pub(super) async fn run(settings: &Loaded, command: FormCommand) -> Result<(), Failure> {
    let section: FormsSettings = settings.section("forms")?;
    match command {
        FormCommand::Notice(args) => write(Which::Notice, &section, args).await,
        FormCommand::Receipt(args) => write(Which::Receipt, &section, args).await,
        FormCommand::Read { file } => {
            let bytes = read(&file)?;
            let form = Form::read(&String::from_utf8_lossy(&bytes), Desk::open(&section)?.wording())?;
            Ok(output::json(&form)?)
        }
        FormCommand::Wording => {
            let text = match section.wording() {
                None => xiezhi_forms::Wording::EMBEDDED.to_owned(),
                Some(path) => {
                    Desk::open(&section)?;
                    String::from_utf8_lossy(&read(path)?).into_owned()
                }
            };
            Ok(output::line(text.trim_end())?)
        }
        FormCommand::Seal(args) => seal(&section, &args),
        FormCommand::Verify(args) => {
            let key = verifying_key(&args.public_key)?;
            let seal = Seal::read(&read(&args.seal)?)?;
            seal.verify(&read(&args.file)?, &args.organisation, &key)?;
            Ok(output::line(&format!("sealed by {} at {}", args.organisation, seal.content().sealed_at))?)
        }
    }
}

async fn write(which: Which, section: &FormsSettings, args: WriteArgs) -> Result<(), Failure> {
    let (view, pdf) = match (&args.request, &args.data) {
        (Some(id), _) => {
            let api = Api::new(&args.api)?;
            let path = format!("/v1/demands/{}/forms/{}", segment(id)?, which.as_str());
            let query = [("sender", args.sender), ("unit", args.unit.map(|unit| unit.to_string()))];
            let view = api.get(&path, &query).await?;
            let pdf = match args.out {
                Some(_) => Some(api.bytes(&format!("{path}/pdf"), &query).await?),
                None => None,
            };
            (view, pdf)
        }
        (None, Some(file)) => {
            let desk = Desk::open(section)?;
            let form = parse(which, &read(file)?)?;
            let text = form.text(desk.wording())?;
            let view = json!({ "data": form, "text": text, "warnings": form.check().warnings });
            let pdf = match args.out {
                Some(_) => {
                    let fonts = desk.fonts()?;
                    Some(form.pdf(desk.wording(), &fonts)?)
                }
                None => None,
            };
            (view, pdf)
        }
        (None, None) => return Err(Failure::Usage("name a request or a file of data".to_owned())),
    };
    for warning in view["warnings"].as_array().into_iter().flatten() {
        let text = |name: &str| output::printable(warning[name].as_str().unwrap_or_default());
        eprintln!("warning: [{}] {}: {}; {}", text("code"), text("path"), text("message"), text("hint"));
    }
    if let (Some(pdf), Some(path)) = (pdf, &args.out) {
        put(path, &pdf)?;
    }
    if args.json {
        output::json(&view)?;
    }
    Ok(())
}

/// The data of a form; the member `form` may be left out, because the command says it.
fn parse(which: Which, bytes: &[u8]) -> Result<Form, Failure> {
    let wrong = |why: String| {
        Failure::No(format!("[HUB-3400] the data is no {}: {}", which.as_str(), output::printable(&why)))
    };
    let mut value = strict_json::parse(bytes, Limits::default()).map_err(|error| wrong(error.to_string()))?;
    let Some(members) = value.as_object_mut() else { return Err(wrong("it is no JSON object".to_owned())) };
    // What `--json` printed can be given as it is.
    if let Some(Value::Object(data)) = members.remove("data") {
        *members = data;
    }
    let named = members.entry("form").or_insert_with(|| which.as_str().into());
    if named.as_str() != Some(which.as_str()) {
        return Err(wrong("it is another form".to_owned()));
    }
    serde_json::from_value(value).map_err(|error| wrong(error.to_string()))
}

fn seal(section: &FormsSettings, args: &SealArgs) -> Result<(), Failure> {
    let document = read(&args.file)?;
    let sealer: Box<dyn Sealer> = match (&args.key, &args.scan) {
        (Some(key), _) => Box::new(SoftwareSealer::from_pem(&args.organisation, &read_private(key)?)?),
        (None, Some(scan)) => {
            Box::new(ScanSealer::new(&args.organisation, &scan_policy(section), &read(scan)?)?)
        }
        (None, None) => return Err(Failure::Usage("name a key or a scan".to_owned())),
    };
    let seal = sealer.seal(&document, Timestamp::now())?;
    let out = args.out.clone().unwrap_or_else(|| {
        let mut name = args.file.clone().into_os_string();
        name.push(".seal.json");
        name.into()
    });
    put(&out, &seal.to_bytes())
}

/// Writes a file whole or not at all; `-` is standard output.
fn put(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if path == Path::new("-") {
        return Ok(io::Write::write_all(&mut io::stdout().lock(), bytes)?);
    }
    let mut beside = path.to_owned().into_os_string();
    beside.push(format!(".{}.part", std::process::id()));
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        // Best effort: what is left is a file of ours that nobody asked for.
        drop(fs::remove_file(&beside));
        Failure::Usage(format!("[HUB-1041] {} cannot be written: {error}", path.display()))
    })
}
