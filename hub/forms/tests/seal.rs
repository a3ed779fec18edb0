//! The seal step: R60, R61.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Luma, Rgb};
use jiff::Timestamp;
use sm2::{SecretKey, pkcs8::EncodePrivateKey, pkcs8::LineEnding};
use xiezhi_forms::seal::{
    Mark, ScanPolicy, ScanSealer, Seal, SealError, Sealer, SoftwareSealer, verifying_key,
};
use xiezhi_schemas::message::SealMode;

fn sealer(organisation: &str, byte: u8) -> SoftwareSealer {
    let key = SecretKey::from_slice(&[byte; 32]).unwrap();
    SoftwareSealer::from_pem(organisation, &key.to_pkcs8_pem(LineEnding::LF).unwrap()).unwrap()
}

fn at() -> Timestamp {
    "2024-06-10T08:30:00Z".parse().unwrap()
}

#[test]
fn an_electronic_seal_holds_for_its_document_organisation_and_key_alone() {
    let ours = sealer("320102", 7);
    let file = ours.seal(b"%PDF receipt", at()).unwrap().to_bytes();
    let seal = Seal::read(&file).unwrap();
    assert_eq!(seal.mode(), SealMode::Electronic);
    let Mark::Electronic { public_key, .. } = &seal.content().mark else { panic!("an electronic seal") };
    let key = verifying_key(public_key).unwrap();
    seal.verify(b"%PDF receipt", "320102", &key).unwrap();

    let broken = |result: Result<(), SealError>| assert_eq!(result.unwrap_err().code(), "HUB-3424");
    broken(seal.verify(b"%PDF receipt.", "320102", &key));
    broken(seal.verify(b"%PDF receipt", "320104", &key));
    broken(seal.verify(b"%PDF receipt", "320102", sealer("320102", 8).verifying_key()));

    // Every field of the file is under the signature.
    let text = String::from_utf8(file).unwrap();
    for (from, to) in
        [("320102", "320104"), ("08:30", "08:31"), ("\"document_size\": 12", "\"document_size\": 13")]
    {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let seal = Seal::read(changed.as_bytes()).unwrap();
        let organisation = &seal.content().organisation;
        broken(seal.verify(b"%PDF receipt", organisation, &key));
    }
    // A stranger who puts a key of his own in is still a stranger.
    let stranger = sealer("320102", 9).seal(b"%PDF receipt", at()).unwrap();
    broken(stranger.verify(b"%PDF receipt", "320102", &key));
}

#[test]
fn what_is_no_key_or_no_seal_says_so() {
    assert_eq!(SoftwareSealer::from_pem("320102", "no key").unwrap_err().code(), "HUB-3420");
    let pem = SecretKey::from_slice(&[7; 32]).unwrap().to_pkcs8_pem(LineEnding::LF).unwrap();
    for organisation in ["", "a\nb", "玄武 区"] {
        assert_eq!(
            SoftwareSealer::from_pem(organisation, &pem).unwrap_err().code(),
            "HUB-3420",
            "{organisation:?}"
        );
    }
    for bad in ["", "04", "zz"] {
        assert_eq!(verifying_key(bad).unwrap_err().code(), "HUB-3420", "{bad:?}");
    }
    for bad in [&b"{}"[..], b"[", b"{\"schema\":\"xiezhi.seal.v2\"}", &[b' '; 70_000]] {
        assert_eq!(Seal::read(bad).unwrap_err().code(), "HUB-3425");
    }
}

/// A scanned page of grey noise, as paper is; with a red ring of `radius` pixels if that is not 0.
fn page(radius: i64, format: ImageFormat) -> Vec<u8> {
    let (width, height) = (413, 584);
    let picture = image::ImageBuffer::from_fn(width, height, |x, y| {
        let (dx, dy) = (i64::from(x) - 300, i64::from(y) - 450);
        let from_centre = dx * dx + dy * dy;
        let grey = 235 + u8::try_from((x * 7 + y * 13) % 20).unwrap();
        if radius > 0 && from_centre <= radius * radius && from_centre >= (radius - 4) * (radius - 4) {
            Rgb([200, 30, 40])
        } else {
            // Scanners tint a little.
            Rgb([grey, grey - 6, grey - 12])
        }
    });
    let mut bytes = Vec::new();
    DynamicImage::ImageRgb8(picture).write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    bytes
}

#[test]
fn a_scan_is_for_those_who_may_and_in_colour() {
    let policy = ScanPolicy::new(["320102".to_owned()]);
    for (format, media_type) in [(ImageFormat::Png, "image/png"), (ImageFormat::Jpeg, "image/jpeg")] {
        let sealer = ScanSealer::new("320102", &policy, &page(35, format)).unwrap();
        let seal = sealer.seal(b"%PDF receipt", at()).unwrap();
        // R61: marked on the item.
        assert_eq!(seal.mode(), SealMode::ColourScan);
        let Mark::ColourScan { scan_media_type, .. } = &seal.content().mark else { panic!("a scan") };
        assert_eq!(scan_media_type, media_type);
        seal.content().check_document(b"%PDF receipt").unwrap();
        assert!(seal.content().check_document(b"%PDF other").is_err());
        let trusted = sealer_key();
        assert_eq!(seal.verify(b"%PDF receipt", "320102", &trusted).unwrap_err().code(), "HUB-3424");

        let refused = |result: Result<ScanSealer, SealError>| result.unwrap_err().code();
        assert_eq!(refused(ScanSealer::new("320104", &policy, &page(35, format))), "HUB-3421");
        assert_eq!(refused(ScanSealer::new("320102", &policy, &page(0, format))), "HUB-3422");
    }
}

fn sealer_key() -> sm2::dsa::VerifyingKey {
    sealer("320102", 7).verifying_key().clone()
}

#[test]
fn grey_files_and_files_that_are_no_pictures_are_refused() {
    let policy = ScanPolicy::new(["320102".to_owned()]);
    let code = |scan: &[u8]| ScanSealer::new("320102", &policy, scan).unwrap_err().code();
    let grey = image::ImageBuffer::from_fn(100, 100, |x, _| Luma([u8::try_from(x).unwrap()]));
    let mut bytes = Vec::new();
    DynamicImage::ImageLuma8(grey).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    assert_eq!(code(&bytes), "HUB-3422");

    assert_eq!(code(b"%PDF-1.7"), "HUB-3423");
    assert_eq!(code(b""), "HUB-3423");
    let cut = page(35, ImageFormat::Png);
    assert_eq!(code(&cut[..cut.len() / 2]), "HUB-3423");
    // A picture that claims to be enormous is not decoded.
    let mut bomb = page(35, ImageFormat::Png);
    bomb[16..24].copy_from_slice(&[0, 1, 0x86, 0xA0, 0, 1, 0x86, 0xA0]);
    assert_eq!(code(&bomb), "HUB-3423");
}
