//! Searches by name and by every way in which a client is reached, and what they cost.

use super::*;

fn named(name: &Value, birth_date: &str) -> Value {
    json!({"name": name, "birth_date": birth_date, "preferences": {"language": "en", "channels": []}})
}

fn by_name(given: Option<&str>, family: Option<&str>, birth_date: &str) -> Value {
    let mut name = json!({});
    if let Some(given) = given {
        name["given"] = json!(given);
    }
    if let Some(family) = family {
        name["family"] = json!(family);
    }
    json!({"name": name, "birth_date": birth_date})
}

#[test]
fn a_client_is_found_by_her_name_and_birth_date_as_people_type_them() {
    let practice = Practice::new();
    let client = practice.consenting("open");
    let mut person = named(
        &json!({"given": ["Zoë Ngozi", "Ada"], "family": "O'Neill-Müller", "preferred": "Zo"}),
        "1987-03-21",
    );
    person["previous_names"] = json!([{"use": "maiden", "family": "Łukasiewicz"}, {"use": "old", "given": ["Mia"]}]);
    assert_eq!(practice.register(&client, &person).status, 201);
    let found = |sought: &Value| practice.found(&practice.clinician.token, sought);
    for (given, family) in [
        ("Zoë", "O'Neill-Müller"),
        ("zoe", "oneill muller"),
        ("ZOE NGOZI", "O’NEILL MÜLLER"),
        ("zo", "ONeill-Muller"),
        ("Zoe", "Lukasiewicz"),
        ("Zo", "ŁUKASIEWICZ"),
        ("Mia", "O'Neill-Müller"),
    ] {
        let sought = by_name(Some(given), Some(family), "1987-03-21");
        assert_eq!(found(&sought), [client.as_str()], "{given} {family}");
    }
    for (given, family, birth_date) in [
        (Some("Zoe"), Some("O'Neill-Müller"), "1987-03-22"),
        (Some("Ada"), Some("O'Neill-Müller"), "1987-03-21"),
        (Some("Zoe"), Some("O'Neill"), "1987-03-21"),
        (Some("Oneill"), Some("Zoe"), "1987-03-21"),
        (None, Some("O'Neill-Müller"), "1987-03-21"),
        (Some("Zoe"), None, "1987-03-21"),
    ] {
        assert_eq!(
            found(&by_name(given, family, birth_date)),
            [""; 0],
            "{given:?} {family:?}"
        );
    }
    // A correction moves what she is found by.
    let corrected = named(&json!({"given": ["Zoë"], "family": "Adeyemi"}), "1987-03-22");
    assert_eq!(practice.correct(&client, 1, &corrected).status, 200);
    assert_eq!(
        found(&by_name(Some("Zoe"), Some("O'Neill-Müller"), "1987-03-21")),
        [""; 0]
    );
    assert_eq!(found(&by_name(Some("Zoe"), Some("adeyemi"), "1987-03-22")), [client]);
}

#[test]
fn who_has_one_name_is_found_by_it() {
    let practice = Practice::new();
    let (family, given) = (practice.consenting("one"), practice.consenting("two"));
    assert_eq!(
        practice
            .register(&family, &named(&json!({"family": "Sukarno"}), "1987-03-21"))
            .status,
        201
    );
    assert_eq!(
        practice
            .register(&given, &named(&json!({"given": ["Sukarno"]}), "1987-03-21"))
            .status,
        201
    );
    let found = |sought: &Value| practice.found(&practice.clinician.token, sought);
    assert_eq!(found(&by_name(None, Some("SUKARNO"), "1987-03-21")), [family]);
    assert_eq!(found(&by_name(Some("sukarno"), None, "1987-03-21")), [given]);
}

#[test]
fn a_client_is_found_by_every_address_and_number_of_hers_and_by_nobody_elses() {
    let practice = Practice::new();
    let client = practice.consenting("open");
    assert_eq!(practice.register(&client, &crate::details::tests::full()).status, 201);
    let found = |sought: &Value| practice.found(&practice.clinician.token, sought);
    for sought in [
        json!({"email": "ZOE@example.org"}),
        json!({"phone": "+49 30 12345678"}),
        json!({"phone": "0049 30 12345679"}),
        by_name(Some("Zoe"), Some("Adeyemi"), "1987-03-21"),
    ] {
        assert_eq!(found(&sought), [client.as_str()], "{sought}");
    }
    // Those of her mother and of her guardian are not hers.
    for sought in [json!({"phone": "+493012345670"}), json!({"email": "ola@example.org"})] {
        assert_eq!(found(&sought), [""; 0], "{sought}");
    }
}

/// Whoever else the clinic has: the operations on the stores are the same.
#[test]
fn reading_one_client_costs_the_same_however_many_there_are() {
    let practice = Practice::new();
    let client = practice.consenting("first");
    assert_eq!(practice.register(&client, &person("zoe@example.org")).status, 201);
    let cost = || {
        practice.world.stores.disarm();
        assert_eq!(practice.read(&client).status, 200);
        let trace = practice.world.stores.trace();
        trace.iter().filter(|line| line.starts_with("identity")).count()
    };
    let alone = cost();
    for number in 0..20 {
        let other = practice.consenting(&format!("open-{number}"));
        assert_eq!(practice.register(&other, &person("zoe@example.org")).status, 201);
    }
    assert_eq!((alone, cost()), (2, 2), "her key and her document");
}

/// What is sealed under the class's key is data keys, and nothing else: whoever rewraps those has rewrapped all.
#[test]
fn only_wrapped_keys_are_sealed_under_the_key_of_the_class() {
    let practice = Practice::new();
    let client = practice.consenting("open");
    assert_eq!(practice.register(&client, &person("zoe@example.org")).status, 201);
    let keyrings = &practice.world.keyrings;
    let keyring = crypto::Keyring::parse(
        Function::Identity,
        keyrings.get(&Function::Identity).map(String::as_str),
    )
    .unwrap();
    let key = keyring.seal(model::DataClass::Identity).unwrap();
    let documents = |label: &str| -> Vec<String> {
        let dump = practice.world.stores.dump().into_iter();
        dump.filter(|(store, key, _)| store == label && key.starts_with("doc/"))
            .map(|(_, key, _)| key.trim_start_matches("doc/").to_owned())
            .collect()
    };
    let clinic = Some(practice.clinic);
    practice.world.with_platform(Function::Identity, |platform| {
        let identity = store::Shelf::open(&platform, "identity").unwrap();
        for name in documents("identity") {
            for class in ["client", "client history", "contact index", "client merge"] {
                let doc: store::Doc<'_, Value, crypto::KeySet> = identity.doc(clinic, class, &name, key);
                assert!(doc.read().is_err(), "{class} {name}");
            }
        }
        let keys = store::Shelf::open(&platform, "identity-keys").unwrap();
        // Hers and the register's. The index of keys beside them lies under a key that does not rotate.
        let opens = |name: &String| {
            let doc: store::Doc<'_, Value, crypto::KeySet> = keys.doc(clinic, "data key", name, key);
            doc.read().is_ok_and(|wrapped| wrapped.is_some())
        };
        assert_eq!(documents("identity-keys").iter().filter(|name| opens(name)).count(), 2);
    });
}
