//! Fictional forms of every sort.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use serde_json::{Value, json};
use xiezhi_forms::{Fonts, Form};

/// The notice for `matter`, waiting or not.
pub fn notice(matter: &str, waiting: bool) -> Value {
    let mut data = json!({
        "form": "notice",
        "matter": matter,
        "waiting": waiting,
        "court": "北京市朝阳区人民法院",
        "case_number": "（2024）京0105执1234号",
        "registry": "南京市玄武区不动产登记中心",
        "cause": "申请执行人远山商贸有限公司与被执行人林知远金融借款合同纠纷",
        "issuing_organ": "北京市朝阳区人民法院",
        "ruling_number": "（2024）京0105执1234号之一",
        "debtor": { "name": "林知远", "number": "110105199003077513" },
        "property": {
            "unit_code": "320102001001GB00001F00010001",
            "location": "南京市玄武区中山路18号3幢2单元501室",
            "certificates": ["苏（2021）宁玄不动产权第0012345号"],
        },
        "date": "2024-03-01",
        "attachment": "（2024）京0105执1234号之一执行裁定书",
        "contact": { "name": "周敏", "phone": "010-55501234" },
    });
    if matter == "lifting" {
        data["original_seizure_date"] = json!("2024-02-29");
    } else {
        data["period"] = json!({ "years": 3, "from": "2024-02-29", "to": "2027-02-28" });
    }
    if matter != "seizure" {
        data["original_case_number"] = json!("（2015）朝执字第01234号");
    }
    data
}

/// The receipt for `matter`.
pub fn receipt(matter: &str, standing: Option<&str>) -> Value {
    let mut data = json!({
        "form": "receipt",
        "matter": matter,
        "court": "北京市朝阳区人民法院",
        "notice_number": "（2024）京0105执1234号",
        "ruling_number": "（2024）京0105执1234号之一",
        "registry": "南京市玄武区不动产登记中心",
        "debtor": "林知远",
        "property": {
            "unit_code": "320102001001GB00001F00010001",
            "location": "南京市玄武区中山路18号3幢2单元501室",
            "certificates": ["苏（2021）宁玄不动产权第0012345号", "宁房权证玄转字第123456号"],
        },
        "date": "2024-06-10",
    });
    if let Some(standing) = standing {
        data["standing"] = json!(standing);
        if standing == "waiting" && matter != "lifting" {
            data["waiting_position"] = json!(2);
        }
    }
    if matter != "lifting" {
        data["period"] = json!({ "years": 3, "from": "2024-06-10", "to": "2027-06-09" });
    }
    data
}

/// Every form for 查封, 续封, 解封 and 轮候, with a name each.
pub fn every_form() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for matter in ["seizure", "renewal", "lifting"] {
        for waiting in [false, true] {
            let mark = if waiting { "-waiting" } else { "" };
            all.push((format!("notice-{matter}{mark}"), notice(matter, waiting)));
            let standing = match (matter, waiting) {
                (_, true) => Some("waiting"),
                ("lifting", false) => None,
                (_, false) => Some("formal"),
            };
            all.push((format!("receipt-{matter}{mark}"), receipt(matter, standing)));
        }
    }
    all
}

/// The form that `data` is.
pub fn form(data: &Value) -> Form {
    serde_json::from_value(data.clone()).unwrap()
}

/// The fonts of Debian's package, which `ops/install` brings.
pub fn fonts() -> Fonts {
    Fonts::open(Path::new("/usr/share/fonts/opentype/noto")).unwrap()
}
