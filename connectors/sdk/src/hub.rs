//! The hub's HTTP side as a connector uses it: documents by claim, and who the hub takes it for.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::StatusCode;
use serde::Deserialize;
use uuid::Uuid;
use xiezhi_schemas::{
    address::{ProvinceCode, RegistryCode},
    message::{Attachment, OfferedWithdrawal, WithdrawalTaking},
};

use crate::{code::Code, config::Hub, secret::Secret};

/// The hub.
#[derive(Clone)]
pub(crate) struct HubClient {
    http: reqwest::Client,
    base: String,
    token: Secret,
}

/// Answer of `GET /v1/whoami`. Fields that a later hub adds are no concern of a connector.
#[derive(Debug, Deserialize)]
pub(crate) struct WhoAmI {
    pub(crate) role: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) province: Option<ProvinceCode>,
    #[serde(default)]
    pub(crate) key_fingerprint: Option<String>,
}

#[derive(Deserialize)]
struct Offers {
    withdrawals: Vec<OfferedWithdrawal>,
}

/// Why the hub did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HubError {
    #[error(
        "[{}] the hub at {base} does not answer; the connector tries again by itself",
        Code::HubUnreachable
    )]
    Unreachable {
        base: String,
        #[source]
        source: reqwest::Error,
    },
    #[error(
        "[{}] the hub at {base} answered {status}; the connector tries again by itself",
        Code::HubUnreachable
    )]
    Unwell { base: String, status: StatusCode },
    #[error(
        "[{}] the hub at {base} refuses the token ({status}); give the connector a new one as hub.token",
        Code::HubDenied
    )]
    Denied { base: String, status: StatusCode },
    #[error("[{}] document {sha256} of request {request_id}: {what}", Code::BadDocument)]
    Document { sha256: String, request_id: Uuid, what: String },
    #[error("[{}] the answer of the hub at {base} cannot be read", Code::HubUnreachable)]
    Unreadable {
        base: String,
        #[source]
        source: reqwest::Error,
    },
}

impl HubError {
    /// Whether asking again may help; a document that is not there or is not what it should be stays so.
    pub(crate) fn is_transient(&self) -> bool {
        !matches!(self, Self::Document { .. })
    }

    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Unreachable { .. } | Self::Unwell { .. } | Self::Unreadable { .. } => Code::HubUnreachable,
            Self::Denied { .. } => Code::HubDenied,
            Self::Document { .. } => Code::BadDocument,
        }
    }
}

impl HubClient {
    pub(crate) fn new(config: &Hub) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(config.timeout)
            .connect_timeout(config.timeout.min(Duration::from_secs(10)))
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http, base: config.url.clone(), token: config.token.clone() })
    }

    async fn get(&self, url: String, query: &[(&str, String)]) -> Result<reqwest::Response, HubError> {
        let request = self.http.get(url).query(query).bearer_auth(self.token.expose());
        request.send().await.map_err(|source| self.unreachable(source))
    }

    fn unreachable(&self, source: reqwest::Error) -> HubError {
        HubError::Unreachable { base: self.base.clone(), source: source.without_url() }
    }

    fn refused(&self, status: StatusCode) -> HubError {
        let base = self.base.clone();
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => HubError::Denied { base, status },
            _ => HubError::Unwell { base, status },
        }
    }

    /// Who the hub takes the connector for.
    pub(crate) async fn who_am_i(&self) -> Result<WhoAmI, HubError> {
        let answer = self.get(format!("{}/v1/whoami", self.base), &[]).await?;
        if !answer.status().is_success() {
            return Err(self.refused(answer.status()));
        }
        let unreadable = |source: reqwest::Error| HubError::Unreadable {
            base: self.base.clone(),
            source: source.without_url(),
        };
        answer.json().await.map_err(unreadable)
    }

    /// The oldest withdrawals that these registries have not been handed.
    pub(crate) async fn withdrawals(
        &self,
        registries: &[RegistryCode],
    ) -> Result<Vec<OfferedWithdrawal>, HubError> {
        let list: Vec<&str> = registries.iter().map(RegistryCode::as_str).collect();
        let url = format!("{}/v1/withdrawals/offered", self.base);
        let answer = self.get(url, &[("registries", list.join(","))]).await?;
        if !answer.status().is_success() {
            return Err(self.refused(answer.status()));
        }
        let unreadable = |source: reqwest::Error| HubError::Unreadable {
            base: self.base.clone(),
            source: source.without_url(),
        };
        Ok(answer.json::<Offers>().await.map_err(unreadable)?.withdrawals)
    }

    /// Tells the hub what the local system did with a withdrawal.
    pub(crate) async fn withdrawal_taken(&self, id: Uuid, taking: WithdrawalTaking) -> Result<(), HubError> {
        let url = format!("{}/v1/withdrawals/{id}/taking", self.base);
        let body = serde_json::json!({ "taking": taking });
        let request = self.http.post(url).bearer_auth(self.token.expose()).json(&body);
        let answer = request.send().await.map_err(|source| self.unreachable(source))?;
        if answer.status().is_success() { Ok(()) } else { Err(self.refused(answer.status())) }
    }

    /// The bytes of one document, at most as many as its claim says. Whether they are the right ones is for the caller.
    pub(crate) async fn document(&self, request_id: Uuid, claim: &Attachment) -> Result<Bytes, HubError> {
        let wrong = |what: String| HubError::Document { sha256: claim.sha256.to_string(), request_id, what };
        let url = format!("{}/v1/documents/{}", self.base, claim.sha256);
        let mut answer = self.get(url, &[("request_id", request_id.to_string())]).await?;
        match answer.status() {
            StatusCode::OK => {}
            status @ (StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::BAD_REQUEST) => {
                return Err(wrong(format!("the hub does not have it ({status})")));
            }
            status => return Err(self.refused(status)),
        }
        let size = usize::try_from(claim.size).map_err(|_| wrong("is too large for this machine".into()))?;
        let mut bytes = BytesMut::with_capacity(size.min(1 << 20));
        while let Some(part) = answer.chunk().await.map_err(|source| self.unreachable(source))? {
            if bytes.len() + part.len() > size {
                return Err(wrong(format!("is larger than the {size} bytes that the demand names")));
            }
            bytes.extend_from_slice(&part);
        }
        Ok(bytes.freeze())
    }
}
