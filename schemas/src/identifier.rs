//! Stand-in until the parsers land.
#![allow(missing_docs)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
macro_rules! id { ($($n:ident)*) => { $(
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct $n(String);
impl std::str::FromStr for $n { type Err = std::convert::Infallible; fn from_str(s:&str)->Result<Self,Self::Err>{Ok(Self(s.to_owned()))} }
impl AsRef<str> for $n { fn as_ref(&self)->&str{&self.0} }
impl std::fmt::Display for $n { fn fmt(&self,f:&mut std::fmt::Formatter<'_>)->std::fmt::Result{f.write_str(&self.0)} }
)* } }
id!(UnitCode CaseNumber OriginalCaseNumber CourtCode DivisionCode DocumentNumber);
impl UnitCode {
    pub fn division(&self) -> DivisionCode {
        DivisionCode(self.0[..6].to_owned())
    }
}
