//! Taking a court's wish: checked, kept as it came, and written under the lock of its request.

use uuid::Uuid;
use xiezhi_domain::withdrawal::{self as domain, TooLate, WithdrawalState};
use xiezhi_schemas::message::{AttachmentRole, Withdrawal, WithdrawalMessage, WithdrawalRequest, words};

use crate::{
    audit,
    http::{
        codes,
        problem::{Item, Problem},
        typed::Typed,
    },
    intake::canonical,
    store::{
        Store, StoreError, documents as documents_table, requests,
        withdrawals::{self as table, NewWithdrawal},
    },
};

/// How a wish was answered.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) withdrawal_id: Uuid,
    /// Whether it was taken now; otherwise the same wish was known.
    pub(super) is_new: bool,
}

/// Takes the wish of `sender`. The same wish again is found and changes nothing.
///
/// # Errors
/// When it is not complete, not the sender's to ask, or too late; nothing is written then.
pub(super) async fn ask(
    store: &Store,
    sender: &str,
    wish: Typed<WithdrawalRequest>,
) -> Result<Asked, Problem> {
    let mut client = store.client().await?;
    let body_sha256 = canonical::digest(&wish.value);
    let problems = problems(&client, sender, &wish.body).await?;
    let tx = client.transaction().await.map_err(StoreError::from)?;
    let request_id = wish.body.request_id;
    let locked = requests::lock(&tx, &[request_id]).await?;
    let request = locked.get(&request_id).filter(|r| r.sender == sender).ok_or_else(Problem::not_found)?;
    let mut known = table::of_requests(&tx, &[request_id]).await?;
    let known = known.remove(&request_id).unwrap_or_default();
    if let Some(same) = known.iter().find(|k| k.body_sha256 == body_sha256) {
        return Ok(Asked { withdrawal_id: same.withdrawal_id, is_new: false });
    }
    domain::may_ask(request.state).map_err(too_late)?;
    if let Some(open) = known.iter().find(|k| k.state == WithdrawalState::Open) {
        let detail = format!(
            "withdrawal {} of this request waits for the registry; wait for its decision, or call the registry",
            open.withdrawal_id
        );
        return Err(Problem::new(codes::WITHDRAWAL_OPEN, detail));
    }
    if !problems.is_empty() {
        return Err(Problem::refused(problems));
    }
    let withdrawal_id = Uuid::now_v7();
    let asked_at = requests::clock(&tx).await?;
    let message = WithdrawalMessage::V1(Withdrawal {
        withdrawal_id,
        request_id,
        registry: request.registry.clone(),
        sender: sender.to_owned(),
        asked_at,
        reason: wish.body.reason.clone(),
        letter: wish.body.letter.clone(),
        contact: wish.body.contact.clone(),
    });
    let new = NewWithdrawal {
        withdrawal_id,
        request_id,
        sender,
        body_sha256: &body_sha256,
        submission: &wish.bytes,
        message: &serde_json::to_vec(&message).expect("a withdrawal is plain data"),
        letter_sha256: wish.body.letter.sha256.as_str(),
        asked_at,
    };
    table::insert(&tx, &new).await?;
    audit::record(&tx, sender, "court", "withdrawal.ask", &format!("request {request_id}")).await?;
    tx.commit().await.map_err(StoreError::of_commit)?;
    tracing::info!(%request_id, %withdrawal_id, sender, "a court asks for withdrawal");
    Ok(Asked { withdrawal_id, is_new: true })
}

fn too_late(error: TooLate) -> Problem {
    match error {
        TooLate::Registered => Problem::new(
            codes::WITHDRAWAL_REGISTERED,
            format!("{error}; send a lifting (解封) that names this case as the original one"),
        ),
        TooLate::Over(_) => Problem::new(codes::WITHDRAWAL_OVER, error.to_string()),
    }
}

async fn problems(
    client: &deadpool_postgres::Client,
    sender: &str,
    wish: &WithdrawalRequest,
) -> Result<Vec<Item>, Problem> {
    let mut problems = Vec::new();
    let mut say = |code, path: &str, message: &str, hint: &str| {
        problems.push(Item::new(code, path, message, hint));
    };
    let letter = &wish.letter;
    if !words::say_something(&wish.reason) {
        let hint = "Write in words of your own why the demand shall come back.";
        say(codes::WITHDRAWAL_LETTER, "/reason", "the reason says nothing specific", hint);
    }
    if letter.role != AttachmentRole::WithdrawalLetter {
        let hint = "Name the sealed written request (书面撤回申请) with the role withdrawal_letter.";
        say(codes::WITHDRAWAL_LETTER, "/letter/role", "this is no letter of withdrawal", hint);
    }
    if letter.seal.is_none() {
        let hint = "Say how the letter is sealed: electronic or colour_scan.";
        say(codes::WITHDRAWAL_LETTER, "/letter/seal", "the letter bears no seal", hint);
    }
    let stored = documents_table::owned(client, &[(sender, letter.sha256.as_str())]).await?;
    match stored.into_iter().next() {
        None => {
            let hint = "Upload it first with PUT /v1/documents.";
            let message = "this sender has uploaded no document with this digest";
            say(codes::DOCUMENT_MISSING, "/letter/sha256", message, hint);
        }
        Some((_, stored)) if stored.size != letter.size || stored.media_type != letter.media_type => {
            let hint = "Write size and media type of the file as it was uploaded.";
            say(codes::DOCUMENT_DIFFERS, "/letter", "the stored document has another size or type", hint);
        }
        Some(_) => {}
    }
    Ok(problems)
}
