//! Tables `unit_head`, `unit_event` and `unit_seizure`: the register of each property unit, its log and what it amounts to.

use std::collections::{BTreeMap, HashMap};

use deadpool_postgres::{Client, GenericClient};
use jiff::{Timestamp, civil::Date};
use tokio_postgres::{Row, types::Json};
use uuid::Uuid;
use xiezhi_domain::{
    State,
    order::{Received, SuperiorDecision},
    register::{Anomaly, Corrects, Entry, Number, Register, Report, Seizure},
};
use xiezhi_schemas::{
    address::ProvinceCode,
    message::{DemandMessage, Kind},
};

use super::{StoreError, Transaction, decode, requests};

/// What the register needs to know about a request.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The property unit.
    pub unit: String,
    /// Where it lies; decides the rule of older waiting seizures.
    pub province: ProvinceCode,
    /// What was demanded.
    pub kind: Kind,
    /// The case number under which a seizure stands.
    pub number: Number,
    /// 原查封案号.
    pub original: Option<Number>,
    /// 原查封日期 of a lifting.
    pub seized_on: Option<Date>,
    /// When the hub accepted it.
    pub accepted_at: Timestamp,
}

/// What the register needs to know about these requests. Takes no lock: none of it ever changes.
///
/// # Errors
/// When the statement fails or a stored message cannot be read.
pub async fn subjects(tx: &Transaction<'_>, ids: &[Uuid]) -> Result<HashMap<Uuid, Subject>, StoreError> {
    let statement = tx.prepare_cached(include_str!("queries/request/of_register.sql")).await?;
    let rows = tx.query(&statement, &[&ids]).await?;
    rows.iter().map(|row| Ok((row.try_get("request_id")?, subject(row)?))).collect()
}

fn subject(row: &Row) -> Result<Subject, StoreError> {
    let kind: String = row.try_get("kind")?;
    let province: String = row.try_get("province")?;
    let original: Option<String> = row.try_get("original_case_number")?;
    let lifting: Option<Vec<u8>> = row.try_get("lifting")?;
    // The message of an unknown future form has no date for us; the number alone then names the seizure.
    let seized_on = lifting
        .and_then(|body| serde_json::from_slice::<DemandMessage>(&body).ok())
        .and_then(|message| message.into_demand().original_seizure_date);
    Ok(Subject {
        unit: row.try_get("unit_key")?,
        province: province.parse().map_err(|e| decode("request.province", e))?,
        kind: requests::kind(&kind)?,
        number: Number::stored(row.try_get("case_number")?),
        original: original.map(Number::stored),
        seized_on,
        accepted_at: row.try_get("accepted_at")?,
    })
}

/// The head of a unit's log, locked until the transaction ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// Entries of the log.
    pub last_n: i32,
    /// Until when the consequences of time are in the log.
    pub recorded_at: Option<Timestamp>,
    /// Disagreements with the order of delivery that hold now.
    pub anomalies: Vec<Anomaly>,
}

/// Makes sure that these units have a head. The rows that it makes are locked.
///
/// # Errors
/// When the statement fails.
pub async fn ensure_heads(tx: &Transaction<'_>, units: &[&str]) -> Result<(), StoreError> {
    if units.is_empty() {
        return Ok(());
    }
    let statement = tx.prepare_cached(include_str!("queries/unit_head/ensure.sql")).await?;
    tx.execute(&statement, &[&units]).await?;
    Ok(())
}

/// Locks the heads of these units in order of unit; units without one are absent from the answer.
///
/// Taken after requests and before the audit head.
///
/// # Errors
/// When the statement fails or a stored value cannot be read.
pub async fn lock_heads(tx: &Transaction<'_>, units: &[&str]) -> Result<BTreeMap<String, Head>, StoreError> {
    let statement = tx.prepare_cached(include_str!("queries/unit_head/lock.sql")).await?;
    let rows = tx.query(&statement, &[&units]).await?;
    rows.iter()
        .map(|row| {
            let Json(anomalies) = row.try_get("anomalies")?;
            let (last_n, recorded_at) = (row.try_get("last_n")?, row.try_get("recorded_at")?);
            Ok((row.try_get("unit_key")?, Head { last_n, recorded_at, anomalies }))
        })
        .collect()
}

/// The reports of these units in the order in which the hub learned of them. The heads must be locked.
///
/// # Errors
/// When the statement fails or a stored report cannot be read.
pub async fn reports(
    tx: &Transaction<'_>,
    units: &[&str],
) -> Result<HashMap<String, Vec<Report>>, StoreError> {
    let mut found: HashMap<String, Vec<Report>> = HashMap::new();
    if units.is_empty() {
        return Ok(found);
    }
    let statement = tx.prepare_cached(include_str!("queries/unit_event/reports.sql")).await?;
    for row in tx.query(&statement, &[&units]).await? {
        let Json(report) = row.try_get("report")?;
        found.entry(row.try_get("unit_key")?).or_default().push(report);
    }
    Ok(found)
}

/// The receipts of these units with the state of their requests. Takes no lock.
///
/// # Errors
/// When the statement fails or a stored value cannot be read.
pub async fn receipts(
    tx: &Transaction<'_>,
    units: &[&str],
) -> Result<HashMap<String, Vec<Received>>, StoreError> {
    let statement = tx.prepare_cached(include_str!("queries/receipt/of_units.sql")).await?;
    let mut found: HashMap<String, Vec<Received>> = HashMap::new();
    for row in tx.query(&statement, &[&units]).await? {
        found.entry(row.try_get("unit_key")?).or_default().push(received(&row)?);
    }
    Ok(found)
}

/// The decisions of superior courts that order these units now, if there are any. Takes no lock.
///
/// # Errors
/// When the statement fails or a stored order cannot be read.
pub async fn decisions(
    client: &impl GenericClient,
    units: &[&str],
) -> Result<HashMap<String, SuperiorDecision>, StoreError> {
    let statement = client.prepare_cached(include_str!("queries/order_decision/of_units.sql")).await?;
    let rows = client.query(&statement, &[&units]).await?;
    rows.iter()
        .map(|row| {
            let decided = SuperiorDecision::new(row.try_get("request_ids")?)
                .map_err(|e| decode("order_decision.request_ids", e))?;
            Ok((row.try_get("unit_key")?, decided))
        })
        .collect()
}

fn received(row: &Row) -> Result<Received, StoreError> {
    let (kind, state): (String, String) = (row.try_get("kind")?, row.try_get("state")?);
    Ok(Received {
        request_id: row.try_get("request_id")?,
        kind: requests::kind(&kind)?,
        delivered_at: row.try_get("delivered_at")?,
        no: row.try_get("no")?,
        state: state.parse().map_err(|e| decode("request.state", e))?,
    })
}

/// One entry to append to a unit's log.
#[derive(Debug)]
pub struct NewEntry {
    /// The unit.
    pub unit: String,
    /// Its number in the log.
    pub n: i32,
    /// What happened, as it stands in the log.
    pub entry: Entry,
    /// The report, when it is a report's own entry.
    pub report: Option<Report>,
}

/// Appends entries to the logs and brings what they amount to up to date. The heads must be locked.
///
/// # Errors
/// When a statement fails.
pub async fn append(tx: &Transaction<'_>, new: &[NewEntry]) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let units: Vec<&str> = new.iter().map(|e| e.unit.as_str()).collect();
    let ns: Vec<i32> = new.iter().map(|e| e.n).collect();
    let kinds: Vec<&str> = new.iter().map(|e| e.entry.mark.what.as_str()).collect();
    let ids: Vec<Uuid> = new.iter().map(|e| e.entry.mark.request_id).collect();
    let codes: Vec<Option<&str>> = new.iter().map(|e| e.entry.mark.what.code().map(|c| c.as_str())).collect();
    let ats: Vec<Timestamp> = new.iter().map(|e| e.entry.mark.at).collect();
    let before: Vec<Json<&Vec<Seizure>>> = new.iter().map(|e| Json(&e.entry.before)).collect();
    let after: Vec<Json<&Vec<Seizure>>> = new.iter().map(|e| Json(&e.entry.after)).collect();
    let reports: Vec<Option<Json<&Report>>> = new.iter().map(|e| e.report.as_ref().map(Json)).collect();
    let corrects: Vec<Option<Json<Corrects<'_>>>> =
        new.iter().map(|e| e.entry.corrects().map(Json)).collect();
    let statement = tx.prepare_cached(include_str!("queries/unit_event/insert.sql")).await?;
    tx.execute(&statement, &[&units, &ns, &kinds, &ids, &codes, &ats, &before, &after, &reports, &corrects])
        .await?;
    // The last word on each seizure: one statement must not write a row twice.
    let mut last: BTreeMap<Uuid, (&str, &Seizure)> = BTreeMap::new();
    for one in new {
        last.extend(one.entry.after.iter().map(|seizure| (seizure.request_id, (one.unit.as_str(), seizure))));
    }
    let ids: Vec<Uuid> = last.keys().copied().collect();
    let units: Vec<&str> = last.values().map(|(unit, _)| *unit).collect();
    let seizures: Vec<Json<&Seizure>> = last.values().map(|(_, seizure)| Json(*seizure)).collect();
    let lapses: Vec<Option<Timestamp>> = last.values().map(|(_, seizure)| lapses_at(seizure)).collect();
    let statement = tx.prepare_cached(include_str!("queries/unit_seizure/put.sql")).await?;
    tx.execute(&statement, &[&ids, &units, &seizures, &lapses]).await?;
    Ok(())
}

/// The calendar's end, which PostgreSQL cannot hold, is as good as never.
fn lapses_at(seizure: &Seizure) -> Option<Timestamp> {
    seizure.lapses_at().filter(|at| *at < Timestamp::MAX)
}

/// Writes heads back.
///
/// # Errors
/// When the statement fails.
pub async fn advance_heads(tx: &Transaction<'_>, heads: &BTreeMap<String, Head>) -> Result<(), StoreError> {
    if heads.is_empty() {
        return Ok(());
    }
    let units: Vec<&str> = heads.keys().map(String::as_str).collect();
    let ns: Vec<i32> = heads.values().map(|h| h.last_n).collect();
    let recorded: Vec<Option<Timestamp>> = heads.values().map(|h| h.recorded_at).collect();
    let anomalies: Vec<Json<&Vec<Anomaly>>> = heads.values().map(|h| Json(&h.anomalies)).collect();
    let statement = tx.prepare_cached(include_str!("queries/unit_head/advance.sql")).await?;
    tx.execute(&statement, &[&units, &ns, &recorded, &anomalies]).await?;
    Ok(())
}

/// Units in which something has lapsed by `now` that is not in their log yet; at most `limit`. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn due(client: &Client, now: Timestamp, limit: i64) -> Result<Vec<String>, StoreError> {
    let rows = client.query(include_str!("queries/unit_seizure/due.sql"), &[&now, &limit]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// One demand of a unit, as its queue shows it.
#[derive(Debug, Clone)]
pub struct Demanded {
    /// The request.
    pub request_id: Uuid,
    /// Who sent it.
    pub sender: String,
    /// The sender's own number of the demand.
    pub demand_id: String,
    /// What is demanded.
    pub kind: Kind,
    /// Code of the executing court.
    pub court_code: String,
    /// 执行案号.
    pub case_number: String,
    /// 原查封案号.
    pub original_case_number: Option<String>,
    /// Province of the registry.
    pub province: String,
    /// The registry.
    pub registry: String,
    /// When the hub accepted it.
    pub accepted_at: Timestamp,
    /// State now.
    pub state: State,
    /// Its receipt, once there is one.
    pub receipt: Option<Receipt>,
}

/// A receipt, as the queue shows it.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// `net`, `p2p` or `window`.
    pub channel: String,
    /// 送达.
    pub delivered_at: Timestamp,
    /// Number at the registry.
    pub no: i64,
}

/// All demands of a unit, in no order. Takes no lock.
///
/// # Errors
/// When the statement fails or a stored value cannot be read.
pub async fn demands(client: &Client, unit: &str) -> Result<Vec<Demanded>, StoreError> {
    let statement = client.prepare_cached(include_str!("queries/request/of_unit.sql")).await?;
    client.query(&statement, &[&unit]).await?.iter().map(demanded).collect()
}

fn demanded(row: &Row) -> Result<Demanded, StoreError> {
    let (kind, state): (String, String) = (row.try_get("kind")?, row.try_get("state")?);
    let receipt = match row.try_get::<_, Option<Timestamp>>("delivered_at")? {
        None => None,
        Some(delivered_at) => {
            Some(Receipt { channel: row.try_get("channel")?, delivered_at, no: row.try_get("no")? })
        }
    };
    Ok(Demanded {
        request_id: row.try_get("request_id")?,
        sender: row.try_get("sender")?,
        demand_id: row.try_get("demand_id")?,
        kind: requests::kind(&kind)?,
        court_code: row.try_get("court_code")?,
        case_number: row.try_get("case_number")?,
        original_case_number: row.try_get("original_case_number")?,
        province: row.try_get("province")?,
        registry: row.try_get("registry")?,
        accepted_at: row.try_get("accepted_at")?,
        state: state.parse().map_err(|e| decode("request.state", e))?,
        receipt,
    })
}

/// The register of a unit as it stands. Takes no lock.
///
/// # Errors
/// When the statement fails or a stored seizure cannot be read.
pub async fn register(client: &Client, unit: &str) -> Result<Register, StoreError> {
    let statement = client.prepare_cached(include_str!("queries/unit_seizure/of_unit.sql")).await?;
    let rows = client.query(&statement, &[&unit]).await?;
    let seizures: Vec<Seizure> = rows
        .iter()
        .map(|row| Ok(row.try_get::<_, Json<Seizure>>(0)?.0))
        .collect::<Result<_, StoreError>>()?;
    Ok(Register::of(seizures))
}

/// A seizure of a unit, without its particulars.
#[derive(Debug, Clone, Copy)]
pub struct Stood {
    /// The request that brought it about.
    pub request_id: Uuid,
    /// Whether it is in force.
    pub stands: bool,
    /// Whether it waits.
    pub waits: bool,
}

/// The seizures of a unit in the order of [`Register`], as far as places need them: reading a thousand of them whole for
/// a page of fifty is what takes time. Takes no lock.
///
/// # Errors
/// When the statement fails.
pub async fn stood(client: &Client, unit: &str) -> Result<Vec<Stood>, StoreError> {
    let statement = client.prepare_cached(include_str!("queries/unit_seizure/stood.sql")).await?;
    let rows = client.query(&statement, &[&unit]).await?;
    rows.iter()
        .map(|row| {
            Ok(Stood {
                request_id: row.try_get("request_id")?,
                stands: row.try_get("stands")?,
                waits: row.try_get("waits")?,
            })
        })
        .collect()
}

/// The seizures that these requests brought about. Takes no lock.
///
/// # Errors
/// When the statement fails or a stored seizure cannot be read.
pub async fn seizures(client: &Client, requests: &[Uuid]) -> Result<HashMap<Uuid, Seizure>, StoreError> {
    let statement = client.prepare_cached(include_str!("queries/unit_seizure/of_requests.sql")).await?;
    let rows = client.query(&statement, &[&requests]).await?;
    rows.iter()
        .map(|row| {
            let Json(seizure) = row.try_get::<_, Json<Seizure>>(0)?;
            Ok((seizure.request_id, seizure))
        })
        .collect()
}

/// What does not agree with the order of delivery now. Takes no lock.
///
/// # Errors
/// When the statement fails or the stored list cannot be read.
pub async fn disagreements(client: &Client, unit: &str) -> Result<Vec<Anomaly>, StoreError> {
    let statement = client.prepare_cached(include_str!("queries/unit_head/anomalies.sql")).await?;
    let row = client.query_opt(&statement, &[&unit]).await?;
    Ok(row.map(|row| row.try_get::<_, Json<Vec<Anomaly>>>(0)).transpose()?.map_or(Vec::new(), |list| list.0))
}
