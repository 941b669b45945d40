use serde_json::{Value, json};

/// A clinic under every law that Confide knows, as `PUT /v1/consent/jurisdiction` takes it.
#[must_use]
pub fn jurisdiction() -> Value {
    json!({
        "regimes": ["gdpr", "dpdp", "hipaa", "part2", "pipeda", "phipa", "cmia"],
        "privacy_contact": {"name": "Pia Privacy", "email": "privacy@practice.example"},
        "languages": ["en", "hi"],
    })
}

/// A notice in English that tells what all of these laws want told, as `POST /v1/consent/notices` takes it.
#[must_use]
pub fn notice(purposes: &[&str], classes: &[&str]) -> Value {
    let items: Vec<Value> = classes
        .iter()
        .map(|class| {
            json!({"data": format!("Your {class} data"), "class": class, "purposes": purposes,
                "use": "To treat you, and to keep your file."})
        })
        .collect();
    json!({
        "title": "How we look after what you tell us",
        "language": "en",
        "text": "We keep it sealed.",
        "purposes": purposes,
        "classes": classes,
        "withdrawal": "Tell us, or write to us, at any time.",
        "complaint": "To the supervisory authority, or to the Data Protection Board.",
        "contact": "privacy@practice.example",
        "items": items,
        "controller": "The Practice, 1 Quay Street",
        "legal_basis": ["consent"],
        "recipients": "Those who treat you, and nobody else.",
        "discloser": "The Practice",
        "transfers": "None: your data stay here.",
        "storage_period": "Ten years after your last visit.",
        "expiry": "When your treatment ends.",
        "rights": "You may see, correct and erase your data, and take them with you. Ask us.",
        "mandatory": "You need not tell us anything. Without your name we can't treat you.",
        "automated_decisions": "None: people decide.",
        "consequences": "We write down what you tell us. If it came to light, it could harm you.",
        "conditioning": "Your treatment does not depend on it.",
        "redisclosure": "Whoever receives your data may pass them on, and they may then be less protected.",
        "links": {
            "withdrawal": "https://practice.example/withdraw",
            "rights": "https://practice.example/rights",
            "complaint": "https://practice.example/complain",
        },
    })
}
