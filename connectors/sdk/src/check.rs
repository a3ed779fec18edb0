//! Whether everything a connector needs is there, asked without changing anything: the hub and its token, the key, the broker and
//! its rights, each local system.

use serde::Serialize;

use crate::{
    adapter::Adapter,
    bus::{self, Link, chain},
    code::Code,
    config::Config,
    hub::{HubClient, WhoAmI},
};

/// One finding.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub what: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// The code, when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// What was found, and when it is wrong, what to do.
    pub detail: String,
}

fn ok(what: impl Into<String>, detail: impl Into<String>) -> Finding {
    Finding { what: what.into(), ok: true, code: None, detail: detail.into() }
}

fn wrong(what: impl Into<String>, code: Code, detail: impl Into<String>) -> Finding {
    Finding { what: what.into(), ok: false, code: Some(code.as_str()), detail: detail.into() }
}

/// Looks at everything and reports all of it, in the order in which a demand needs it.
pub async fn check(config: &Config, adapter: &dyn Adapter) -> Vec<Finding> {
    let mut findings = vec![ok(
        "configuration",
        format!("{} registries of province {}", config.registries.len(), config.province),
    )];
    check_hub(config, &mut findings).await;
    check_broker(config, &mut findings).await;
    for registry in &config.registries {
        let what = format!("local system of {registry}");
        let health = tokio::time::timeout(config.pace.deliver_timeout, adapter.health(registry)).await;
        findings.push(match health {
            Ok(Ok(())) => ok(what, "takes demands"),
            Ok(Err(error)) => wrong(
                what,
                Code::Paused,
                format!("{}; ask the registry, or correct [{}]", chain(&error), config.adapter),
            ),
            Err(_) => wrong(what, Code::Paused, "does not answer in time; ask the registry"),
        });
    }
    findings
}

async fn check_hub(config: &Config, findings: &mut Vec<Finding>) {
    let who = match HubClient::new(&config.hub) {
        Ok(hub) => hub.who_am_i().await,
        Err(error) => {
            findings.push(wrong("hub", Code::Setup, error.to_string()));
            return;
        }
    };
    match who {
        Err(error) => findings.push(wrong("hub", error.code(), chain(&error))),
        Ok(who) => {
            findings.push(check_role(config, &who));
            findings.push(match &who.key_fingerprint {
                Some(print) if *print == config.key_fingerprint => ok("province key", format!("fingerprint {print}, as at the hub")),
                Some(print) => wrong("province key", Code::Key, format!(
                    "has the fingerprint {}, the hub's has {print}; print the right one with `hub province key {}`",
                    config.key_fingerprint, config.province
                )),
                None => wrong("province key", Code::Key, "the hub tells no fingerprint for this token; give it a token of the province"),
            });
        }
    }
}

fn check_role(config: &Config, who: &WhoAmI) -> Finding {
    if who.role != "connector" {
        return wrong(
            "hub",
            Code::HubDenied,
            format!("the token has the role {}, not connector; make one for connectors", who.role),
        );
    }
    if who.province.as_ref() != Some(&config.province) {
        let theirs = who.province.as_ref().map_or_else(|| "no province".to_owned(), ToString::to_string);
        return wrong(
            "hub",
            Code::HubDenied,
            format!("the token is for {theirs}, not for {}", config.province),
        );
    }
    ok("hub", format!("{} takes the token as {}", config.hub.url, who.name))
}

async fn check_broker(config: &Config, findings: &mut Vec<Finding>) {
    let link = match Link::connect(&config.broker, &format!("{} (check)", config.name)).await {
        Ok(link) => link,
        Err(error) => {
            findings.push(wrong("broker", error.code(), chain(&error)));
            return;
        }
    };
    findings.push(ok("broker", format!("{} takes the login of {}", config.broker.host, config.broker.user)));
    let exchange = config.province.up_exchange();
    findings.push(found(format!("exchange {exchange}"), bus::probe_up_exchange(&link, &exchange).await));
    for registry in &config.registries {
        let queue = registry.demand_queue();
        findings.push(found(format!("queue {queue}"), bus::probe_queue(&link, &queue).await));
    }
    link.close().await;
}

fn found(what: String, found: Result<Result<(), String>, bus::BusError>) -> Finding {
    match found {
        Ok(Ok(())) => ok(what, "is there, and the account may use it"),
        Ok(Err(detail)) => wrong(
            what,
            Code::BrokerDenied,
            format!("{detail}; on the hub: `hub topology plan`, then `hub topology apply`"),
        ),
        Err(error) => wrong(what, error.code(), chain(&error)),
    }
}
