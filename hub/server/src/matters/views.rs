//! Matters as people see them. A court sees of others' demands the court and the place, and no more.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xiezhi_domain::superior::Superior;
use xiezhi_schemas::message::DisputeCause;

use crate::{
    directory::today,
    store::{
        StoreError, consultations, decode,
        disputes::{self, Decision, Party},
        issues,
        matters::{self, Entry},
    },
};

/// What an answer says beside the superior court when it is not known.
const UNKNOWN_ADVICE: &str = "[HUB-3325] the court table does not know what is above these courts; ask 最高人民法院, which is above every court";

/// One demand of a dispute.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PartyView {
    /// The request; absent when it is another court's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Uuid>,
    /// 法院代字.
    pub court_code: String,
    /// Place by receipt when the dispute was opened; absent without a rank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<i32>,
    /// State now; absent when it is another court's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// A decision of the superior court.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DecisionView {
    /// Its id.
    pub decision_id: Uuid,
    /// 法院代字 of the court that decided.
    pub decided_by: String,
    /// The day of its document.
    pub decided_on: Date,
    /// Number of its document.
    pub document_number: String,
    /// Digest of its document.
    pub document_sha256: String,
    /// The requests from the first to the last; for courts only their own.
    pub order: Vec<Uuid>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Who recorded it.
    pub recorded_by: String,
}

/// A dispute about the order (查封顺位异议).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DisputeView {
    /// Its id.
    pub dispute_id: Uuid,
    /// Why it was opened.
    pub cause: DisputeCause,
    /// 不动产单元代码.
    pub unit_code: String,
    /// The registry.
    pub registry: String,
    /// Who settles it, by the court table.
    pub superior: Superior,
    /// Name of that court.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superior_name: Option<String>,
    /// What to do when nobody can be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// SHA-256 of the frozen evidence.
    pub evidence_sha256: String,
    /// When it began.
    pub opened_at: Timestamp,
    /// Who opened it.
    pub opened_by: String,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// The demands, by place.
    pub parties: Vec<PartyView>,
    /// What the superior court decided.
    pub decisions: Vec<DecisionView>,
    /// The log.
    pub entries: Vec<Entry>,
}

/// A consultation (会商).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ConsultationView {
    /// Its id.
    pub consultation_id: Uuid,
    /// `register_mismatch`, opened by a return, or `person`.
    pub cause: String,
    /// `national` or `province`.
    pub level: String,
    /// Which province.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub province: Option<String>,
    /// The request that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Uuid>,
    /// What it is about.
    pub subject: String,
    /// When it began.
    pub opened_at: Timestamp,
    /// Who opened it.
    pub opened_by: String,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// The log.
    pub entries: Vec<Entry>,
}

/// Whether an issue is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IssueState {
    /// Somebody has to see to it.
    Open,
    /// It has its answer.
    Closed,
}

/// An open issue of a province (问题).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct IssueView {
    /// Its id.
    pub issue_id: Uuid,
    /// Of which province.
    pub province: String,
    /// Why it was opened.
    pub cause: issues::Cause,
    /// Whether it is settled.
    pub state: IssueState,
    /// What it is, in a line.
    pub subject: String,
    /// The request that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Uuid>,
    /// Who sees to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Until when, that day included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_on: Option<Date>,
    /// Open after the day on which it was due, in China.
    pub overdue: bool,
    /// When it began.
    pub opened_at: Timestamp,
    /// Who opened it; `hub` for those that events opened.
    pub opened_by: String,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// The words that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The log.
    pub entries: Vec<Entry>,
}

/// State of an issue, and whether it is overdue.
pub(super) fn issue_state(line: &issues::Line, today: Date) -> (IssueState, bool) {
    let open = line.closed_at.is_none();
    let overdue = open && line.due_on.is_some_and(|day| day < today);
    (if open { IssueState::Open } else { IssueState::Closed }, overdue)
}

/// Issues with their logs.
///
/// # Errors
/// When a statement fails.
pub(super) async fn issues(
    client: &tokio_postgres::Client,
    lines: Vec<issues::Line>,
) -> Result<Vec<IssueView>, StoreError> {
    let ids: Vec<Uuid> = lines.iter().map(|line| line.issue_id).collect();
    let mut entries = matters::entries(client, &ids).await?;
    let today = today();
    let view = |line: issues::Line| {
        let (state, overdue) = issue_state(&line, today);
        IssueView {
            entries: entries.remove(&line.issue_id).unwrap_or_default(),
            issue_id: line.issue_id,
            province: line.province,
            cause: line.cause,
            state,
            subject: line.subject,
            request_id: line.request_id,
            owner: line.owner,
            due_on: line.due_on,
            overdue,
            opened_at: line.opened_at,
            opened_by: line.opened_by,
            closed_at: line.closed_at,
            answer: line.answer,
        }
    };
    Ok(lines.into_iter().map(view).collect())
}

/// Disputes with everything that belongs to them, as `court` sees them; an operator (`None`) sees all.
///
/// # Errors
/// When a statement fails.
pub(super) async fn disputes(
    client: &tokio_postgres::Client,
    lines: Vec<disputes::Line>,
    court: Option<&str>,
) -> Result<Vec<DisputeView>, StoreError> {
    let ids: Vec<Uuid> = lines.iter().map(|line| line.dispute_id).collect();
    let (parties, decisions, mut entries) = tokio::try_join!(
        disputes::parties(client, &ids),
        disputes::decisions(client, &ids),
        matters::entries(client, &ids)
    )?;
    let mut of: HashMap<Uuid, (Vec<Party>, Vec<Decision>)> = HashMap::new();
    for party in parties {
        of.entry(party.dispute_id).or_default().0.push(party);
    }
    for decision in decisions {
        of.entry(decision.dispute_id).or_default().1.push(decision);
    }
    lines
        .into_iter()
        .map(|line| {
            let (parties, decisions) = of.remove(&line.dispute_id).unwrap_or_default();
            let entries = entries.remove(&line.dispute_id).unwrap_or_default();
            dispute(line, parties, decisions, entries, court)
        })
        .collect()
}

fn dispute(
    line: disputes::Line,
    parties: Vec<Party>,
    decisions: Vec<Decision>,
    entries: Vec<Entry>,
    court: Option<&str>,
) -> Result<DisputeView, StoreError> {
    let superior: Superior =
        serde_json::from_value(line.superior).map_err(|e| decode("dispute.superior", e))?;
    let seen = |party: &Party| court.is_none_or(|court| court == party.sender);
    let own: Vec<Uuid> = parties.iter().filter(|p| seen(p)).map(|p| p.request_id).collect();
    let superior_name = match &superior {
        Superior::Court { code } | Superior::OneCourt { code } => {
            xiezhi_schemas::courts::find(code).map(|court| court.name.clone())
        }
        Superior::NoneAbove | Superior::Unknown { .. } => None,
    };
    let advice = matches!(superior, Superior::Unknown { .. }).then(|| UNKNOWN_ADVICE.to_owned());
    let party = |party: Party| {
        let shown = seen(&party);
        PartyView {
            request_id: shown.then_some(party.request_id),
            state: shown.then_some(party.state),
            court_code: party.court_code,
            place: party.place,
        }
    };
    let decision = |decision: Decision| DecisionView {
        decision_id: decision.decision_id,
        decided_by: decision.decided_by,
        decided_on: decision.decided_on,
        document_number: decision.document_number,
        document_sha256: decision.document_sha256,
        order: decision.request_ids.into_iter().filter(|id| own.contains(id)).collect(),
        recorded_at: decision.recorded_at,
        recorded_by: decision.recorded_by,
    };
    Ok(DisputeView {
        dispute_id: line.dispute_id,
        cause: line.cause,
        unit_code: line.unit_key,
        registry: line.registry,
        superior,
        superior_name,
        advice,
        evidence_sha256: line.evidence_sha256,
        opened_at: line.opened_at,
        opened_by: line.opened_by,
        closed_at: line.closed_at,
        decisions: decisions.into_iter().map(decision).collect(),
        parties: parties.into_iter().map(party).collect(),
        entries,
    })
}

/// Consultations with their logs.
///
/// # Errors
/// When a statement fails.
pub(super) async fn consultations(
    client: &tokio_postgres::Client,
    lines: Vec<consultations::Line>,
) -> Result<Vec<ConsultationView>, StoreError> {
    let ids: Vec<Uuid> = lines.iter().map(|line| line.consultation_id).collect();
    let mut entries = matters::entries(client, &ids).await?;
    let view = |line: consultations::Line| ConsultationView {
        entries: entries.remove(&line.consultation_id).unwrap_or_default(),
        consultation_id: line.consultation_id,
        cause: line.cause,
        level: line.level,
        province: line.province,
        request_id: line.request_id,
        subject: line.subject,
        opened_at: line.opened_at,
        opened_by: line.opened_by,
        closed_at: line.closed_at,
    };
    Ok(lines.into_iter().map(view).collect())
}
