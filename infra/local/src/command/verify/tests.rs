use std::path::PathBuf;

use ::receipt::{Jwk, JwkSet, ReceiptKey, Record};
use audit_trail::{Event, ExportedEntry, PART_FORMAT, Part, Signature, Stand, Stretch};
use base64ct::{Base64, Encoding as _};
use ed25519_dalek::{Signer as _, SigningKey};
use model::Function;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::audit_export::{Coverage, Exported};
use super::receipt::PlainWords;
use super::{Arguments, run};

fn record() -> Record {
    serde_json::from_value(json!({
        "schema_version": "confide-consent-record-1",
        "record_id": "cns_00000000000000000000000000", "pii_principal_id": "cli_00000000000000000000000000",
        "as_of": "2026-12-02T08:00:00Z",
        "privacy_notice": {"id": "ntc_00000000000000000000000000", "version": 2, "title": "How we keep your data", "sha256": "5f2e",
            "language": "en", "path": "/v1/consent/notices/cln_00000000000000000000000000/ntc_00000000000000000000000000"},
        "language": "en", "purposes": ["TREAT", "HPAYMT"], "lawful_basis": "consent",
        "pii_information": [{"pii_type": "health"}, {"pii_type": "billing"}],
        "pii_controllers": [{"party_id": "cln_00000000000000000000000000", "party_contact": "privacy@example.org"}],
        "jurisdiction": ["gdpr"], "withdrawal_method": "Tell us,\nat any time.", "privacy_rights": "To the supervisory authority.",
        "events": [
            {"event_state": "given", "event_time": "2026-12-01T08:00:00Z", "event_type": "explicitly_expressed", "given_by": "guardian",
                "method": "written", "recorded_by": "acc_00000000000000000000000000"},
            {"event_state": "withdrawn", "event_time": "2026-12-02T08:00:00Z", "recorded_by": "acc_00000000000000000000000000"},
        ],
    }))
    .unwrap()
}

fn key() -> ReceiptKey {
    ReceiptKey::from_seed(&[7; 32])
}

/// Files as somebody keeps them, and what the command says of them.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(TempDir::new().unwrap());
        folder.keep("keys", &serde_json::to_string(&JwkSet::new([key().public()])).unwrap());
        folder
    }

    fn keep(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn verify_with(&self, text: &str, keys: Option<PathBuf>, public_key: Option<&str>) -> Result<(), String> {
        let arguments = Arguments {
            files: vec![self.keep("file", text)],
            public_key: public_key.map(str::to_owned),
            keys,
        };
        run(arguments).map_err(|error| format!("{error:#}"))
    }

    fn verify(&self, text: &str) -> Result<(), String> {
        self.verify_with(text, Some(self.0.path().join("keys")), None)
    }
}

#[track_caller]
fn assert_refused(outcome: &Result<(), String>, why: &str) {
    assert!(outcome.as_ref().is_err_and(|error| error.contains(why)), "{outcome:?}");
}

#[test]
fn a_receipt_is_known_in_every_form_that_it_comes_in() {
    let folder = Folder::new();
    let receipt = key().issue(&record()).unwrap();
    let answer = json!({"receipt": receipt, "record": record()});
    let withdrawal = json!({"consent_id": record().record_id, "withdrawn_at": record().as_of, "receipt": receipt});
    for text in [
        receipt.clone(),
        format!("{receipt}\n"),
        answer.to_string(),
        format!("\n {answer:#}\n"),
        withdrawal.to_string(),
    ] {
        assert_eq!(folder.verify(&text), Ok(()), "{text}");
    }
}

#[test]
fn what_is_wrong_with_a_receipt_is_said() {
    let folder = Folder::new();
    let receipt = key().issue(&record()).unwrap();
    let keys = |keys: &[Jwk]| {
        let set = serde_json::to_string(&JwkSet::new(keys.to_vec())).unwrap();
        Some(folder.keep("other-keys", &set))
    };
    for (text, why) in [
        (format!("{receipt}\n\n"), "is not a compact JWS"),
        (format!(" {receipt}"), "is not a compact JWS"),
        (format!("{receipt}A"), "is not a compact JWS"),
        (String::new(), "is not a compact JWS"),
        (receipt.replacen('.', ".e", 1), "is not what was signed"),
        (
            ReceiptKey::from_seed(&[8; 32]).issue(&record()).unwrap(),
            "not among those to believe",
        ),
        ("{}".to_owned(), "is neither an audit export nor a receipt"),
        ("{".to_owned(), "is neither an audit export nor a receipt"),
        (
            r#"{"receipt": 7}"#.to_owned(),
            "is neither an audit export nor a receipt",
        ),
        (
            format!(r#"{{"receipt": "{receipt}", "receipt": "{receipt}"}}"#),
            "duplicate field `receipt`",
        ),
    ] {
        assert_refused(&folder.verify(&text), why);
    }
    let mut answer = json!({"receipt": receipt, "record": record()});
    answer["record"]["purposes"] = json!(["TREAT", "HRESCH"]);
    assert_refused(&folder.verify(&answer.to_string()), "is not the one that was signed");

    assert_refused(&folder.verify_with(&receipt, None, None), "--keys");
    assert_refused(
        &folder.verify_with(&receipt, keys(&[]), None),
        "not among those to believe",
    );
    let no_set = Some(folder.keep("no-keys", "[]"));
    assert_refused(&folder.verify_with(&receipt, no_set, None), "is not a JWK Set");
    let missing = Some(folder.0.path().join("missing"));
    assert_refused(&folder.verify_with(&receipt, missing, None), "can't be read");
    let other = ReceiptKey::from_seed(&[8; 32]).public();
    assert_eq!(
        folder.verify_with(&receipt, keys(&[other, key().public()]), None),
        Ok(())
    );
}

#[test]
fn an_export_is_still_known() {
    let folder = Folder::new();
    let export: Value = json!({"format": "confide-audit-export-1", "clinic": "cln_00000000000000000000000000",
        "exported_at": "2026-12-01T08:00:00Z", "chains": [],
        "signature": {"algorithm": "Ed25519", "public_key": "AAAA", "value": "AAAA"}});
    let export = export.to_string();
    assert_refused(
        &folder.verify_with(&export, None, None),
        "the public key is not 32 bytes",
    );
    assert_refused(
        &folder.verify_with(&export, None, Some("BBBB")),
        "another key than the one to believe",
    );
    assert_refused(&folder.verify(&export), "is checked with --public-key");
}

/// A run of a chain of three entries in two parts, each entry by the number that it has: the newest part first.
fn run_of_parts(signing: &SigningKey) -> [Part; 2] {
    let entry = |sequence: u64| {
        let event = json!({"id": format!("aud_{sequence}0000000000000000000000000"), "at": "2026-12-01T08:00:00Z",
            "function": "records", "clinic": "cln_00000000000000000000000000", "action": "read", "class": "health",
            "purpose": "TREAT", "decision": "allowed", "rule": "care.records", "request": "req_00000000000000000000000000"});
        ExportedEntry {
            sequence,
            event: event.to_string(),
        }
    };
    let mut stands = vec![[0; 32]];
    for sequence in 1..=3 {
        let ExportedEntry { event, .. } = entry(sequence);
        let id = serde_json::from_str::<Event>(&event).unwrap().id;
        let before = stands.last().unwrap();
        stands.push(store::chain(before, sequence, id.as_bytes(), event.as_bytes()));
    }
    let hex = |sequence: u64| -> String {
        let value = stands[usize::try_from(sequence).unwrap()];
        value.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    [(1, 2, 3), (2, 0, 2)].map(|(number, after, through)| {
        let mut part = Part {
            format: PART_FORMAT.to_owned(),
            clinic: "cln_00000000000000000000000000".parse().unwrap(),
            began_at: Some("2026-12-01T08:59:58Z".parse().unwrap()),
            exported_at: "2026-12-01T09:00:00Z".parse().unwrap(),
            run: "aud_90000000000000000000000000".parse().unwrap(),
            part: number,
            last: number == 2,
            chains: vec![Stretch {
                function: Function::Records,
                shard: 3,
                after: Stand {
                    sequence: after,
                    chain: hex(after),
                },
                sequence: through,
                chain: hex(through),
                entries: (after + 1..=through).map(entry).collect(),
            }],
            next: (number == 1).then(|| "cursor".to_owned()),
            signature: Signature {
                algorithm: "Ed25519".to_owned(),
                public_key: Base64::encode_string(signing.verifying_key().as_bytes()),
                value: String::new(),
            },
        };
        part.signature.value = Base64::encode_string(&signing.sign(part.statement().as_bytes()).to_bytes());
        part
    })
}

#[test]
fn parts_are_checked_alone_and_together() {
    let folder = Folder::new();
    let signing = SigningKey::from_bytes(&[9; 32]);
    let believed = Base64::encode_string(signing.verifying_key().as_bytes());
    let [one, two] = run_of_parts(&signing);
    let keep = |name: &str, part: &Part| folder.keep(name, &serde_json::to_string(part).unwrap());
    let verify = |files: &[&PathBuf], public_key: Option<&str>| {
        let arguments = Arguments {
            files: files.iter().map(|file| (*file).clone()).collect(),
            public_key: public_key.map(str::to_owned),
            keys: None,
        };
        run(arguments).map_err(|error| format!("{error:#}"))
    };
    let (first, second) = (keep("one", &one), keep("two", &two));
    for public_key in [None, Some(believed.as_str())] {
        assert_eq!(verify(&[&first], public_key), Ok(()));
        assert_eq!(verify(&[&second], public_key), Ok(()));
        assert_eq!(verify(&[&first, &second], public_key), Ok(()));
        assert_eq!(verify(&[&second, &first, &first], public_key), Ok(()));
    }
    assert_refused(
        &verify(&[&first, &first], None),
        "part 2 of the export aud_90000000000000000000000000 is missing",
    );
    assert_refused(
        &verify(&[&second, &second], None),
        "part 1 of the export aud_90000000000000000000000000 is missing",
    );
    assert_refused(
        &verify(&[&first, &second], Some("BBBB")),
        "another key than the one to believe",
    );

    let mut changed = two.clone();
    changed.chains[0].entries[1].event = changed.chains[0].entries[1].event.replace("read", "list");
    let changed = keep("changed", &changed);
    for files in [vec![&changed], vec![&first, &changed]] {
        assert_refused(
            &verify(&files, None),
            "chain records/3: its entries are not those that were recorded",
        );
    }
    // Passed off as the whole: consistent, and not what was signed.
    let mut alone = one.clone();
    alone.last = true;
    let alone = keep("alone", &alone);
    assert_refused(&verify(&[&alone], None), "the signature is not over this trail");
    assert_refused(
        &verify(&[&alone, &second], None),
        "the signature is not over this trail",
    );
    // Signed by itself, and not joined to anything.
    let mut apart = one.clone();
    apart.run = "aud_80000000000000000000000000".parse().unwrap();
    apart.last = true;
    apart.signature.value = Base64::encode_string(&signing.sign(apart.statement().as_bytes()).to_bytes());
    let apart = keep("apart", &apart);
    assert_refused(
        &verify(&[&apart, &apart], None),
        "chain records/3: entries 1 to 2 are in none of the files",
    );

    let elsewhere = run_of_parts(&SigningKey::from_bytes(&[8; 32]));
    let elsewhere = keep("elsewhere", &elsewhere[1]);
    assert_refused(&verify(&[&first, &elsewhere], None), "is of another deployment");
    let receipt = folder.keep("receipt", &key().issue(&record()).unwrap());
    assert_refused(&verify(&[&first, &receipt], None), "is a receipt: check it alone");
}

/// Nobody takes an export of one function for the whole trail.
#[test]
fn what_files_cover_is_said() {
    let mut coverage = Coverage::default();
    let others = ". Of the others this says nothing: they were not asked for, or nothing was recorded in them";
    assert_eq!(coverage.to_string(), format!("covered: no chain{others}"));
    let [one, two] = run_of_parts(&SigningKey::from_bytes(&[9; 32]));
    for part in [&one, &two] {
        coverage.add(&Exported::Part(part.clone()));
        assert_eq!(
            coverage.to_string(),
            format!("covered: records (1 of 32 chains){others}")
        );
    }
    let mut other = one;
    other.chains[0].shard = 4;
    coverage.add(&Exported::Part(other.clone()));
    other.chains[0].function = Function::Consent;
    coverage.add(&Exported::Part(other));
    assert_eq!(
        coverage.to_string(),
        format!("covered: consent (1 of 32 chains), records (2 of 32 chains){others}")
    );
}

#[test]
fn what_was_agreed_is_said_in_plain_words() {
    let words = "\
Consent cns_00000000000000000000000000 of client cli_00000000000000000000000000, as of 2026-12-02T08:00:00Z
  given 2026-12-01T08:00:00Z by whoever may act for her in writing
  until it is withdrawn
  WITHDRAWN 2026-12-02T08:00:00Z
  to the clinic cln_00000000000000000000000000 (privacy@example.org)
  for: treatment, payment
  about: her clinical records, invoices and payments
  on the notice \"How we keep your data\" ntc_00000000000000000000000000, version 2, in en, SHA-256 5f2e
  withdrawal: Tell us, at any time.
  complaint: To the supervisory authority.";
    assert_eq!(PlainWords(&record()).to_string(), words);
}
