//! An SM2 key in memory.

use std::fmt;

use jiff::Timestamp;
use sm2::{
    PublicKey, SecretKey,
    dsa::{Signature, SigningKey, VerifyingKey, signature::Signer},
    elliptic_curve::sec1::ToSec1Point,
    pkcs8::DecodePrivateKey,
};

use super::{Mark, Seal, SealError, SealV1, Sealer, check_organisation};

/// Distinguishing identifier of signers where none is agreed (GM/T 0009-2012 7).
const DISTID: &str = "1234567812345678";

/// Seals with a key held in memory.
pub struct SoftwareSealer {
    organisation: String,
    key: SigningKey,
}

impl fmt::Debug for SoftwareSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftwareSealer").field("organisation", &self.organisation).finish_non_exhaustive()
    }
}

impl SoftwareSealer {
    /// The sealer of `organisation` with an SM2 key (PKCS#8, PEM).
    ///
    /// # Errors
    /// When the text is no such key.
    pub fn from_pem(organisation: &str, pem: &str) -> Result<Self, SealError> {
        check_organisation(organisation)?;
        let unusable = |error: String| SealError::Key(error);
        let secret = SecretKey::from_pkcs8_pem(pem).map_err(|error| unusable(error.to_string()))?;
        let key = SigningKey::new(DISTID, &secret).map_err(|error| unusable(error.to_string()))?;
        Ok(Self { organisation: organisation.to_owned(), key })
    }

    /// What verifies its seals.
    pub fn verifying_key(&self) -> &VerifyingKey {
        self.key.as_ref()
    }
}

impl Sealer for SoftwareSealer {
    fn seal(&self, document: &[u8], at: Timestamp) -> Result<Seal, SealError> {
        let public_key = public_hex(self.verifying_key());
        let mark = Mark::Electronic { public_key: public_key.clone(), signature: String::new() };
        let mut seal = SealV1::of(document, &self.organisation, at, mark);
        let signature: Signature = self.key.sign(seal.statement().as_bytes());
        seal.mark = Mark::Electronic { public_key, signature: hex::encode(signature.to_bytes()) };
        Ok(Seal::V1(seal))
    }
}

/// A public key as seal files write it: SEC1 uncompressed, hexadecimal.
///
/// # Errors
/// When the text is no point of the curve.
pub fn verifying_key(text: &str) -> Result<VerifyingKey, SealError> {
    let unusable = |why: &str| SealError::Key(why.to_owned());
    let bytes = hex::decode(text.trim()).map_err(|_| unusable("a public key is hexadecimal"))?;
    let key =
        PublicKey::from_sec1_bytes(&bytes).map_err(|_| unusable("the public key is not on the curve"))?;
    VerifyingKey::new(DISTID, key).map_err(|_| unusable("the public key cannot verify"))
}

pub(super) fn public_hex(key: &VerifyingKey) -> String {
    hex::encode(key.to_sec1_point(false).as_bytes())
}
