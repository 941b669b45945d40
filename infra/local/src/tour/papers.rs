//! What the people of the tour write: a notice, a consent, notes.

use serde_json::{Value, json};

/// What the clinic tells its clients.
pub(crate) fn notice() -> Value {
    let purposes = ["TREAT", "PATADMIN", "PATRQT"];
    json!({
        "title": "How we look after what you tell us",
        "language": "en",
        "text": "We keep your name, contact and notes to treat you, sealed, and nobody but those who treat you reads them.",
        "purposes": purposes,
        "classes": ["identity", "health", "psychotherapy"],
        "withdrawal": "Tell your clinician, or press Withdraw in the app: it works at once.",
        "complaint": "Write to our privacy officer or to the supervisory authority.",
        "contact": "privacy@tour.example",
        "items": [
            {"data": "Your name, address and birthday", "class": "identity", "purposes": purposes, "use": "To know you and reach you."},
            {"data": "What you tell us about your health", "class": "health", "purposes": purposes, "use": "To treat you."},
            {"data": "Your clinician's own notes", "class": "psychotherapy", "purposes": purposes, "use": "To prepare sessions."},
        ],
        "controller": "Harbour Counselling, 1 Quay Street",
        "legal_basis": ["consent"],
        "recipients": "Those who treat you, and nobody else.",
        "discloser": "Harbour Counselling",
        "transfers": "None: your data stay here.",
        "storage_period": "Ten years after your last visit.",
        "expiry": "When your treatment ends.",
        "rights": "You may see, correct and erase your data, and take them with you. Ask us.",
        "mandatory": "You need not tell us anything. Without your name we can't treat you.",
        "automated_decisions": "None: people decide.",
        "conditioning": "Your treatment does not depend on it.",
        "redisclosure": "Whoever receives your data may pass them on, and they may then be less protected.",
    })
}

/// The same without who receives her data.
pub(crate) fn incomplete_notice() -> Value {
    let mut notice = notice();
    if let Some(fields) = notice.as_object_mut() {
        fields.remove("recipients");
    }
    notice
}

/// What a client agrees to.
pub(crate) fn consent(notice: &str) -> Value {
    json!({
        "notice_id": notice,
        "language": "en",
        "purposes": ["TREAT", "PATADMIN", "PATRQT"],
        "classes": ["identity", "health", "psychotherapy"],
        "given_by": "client",
        "method": "in_person",
    })
}

/// A note of a session.
pub(crate) fn note(text: &str) -> Value {
    json!({"kind": "progress_note", "content": {"session_at": "2026-11-02T14:00:00Z", "text": text}})
}
