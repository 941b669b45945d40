//! The separation that everything rests on, read off the manifest that is deployed.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use confide_tests::manifest;
use model::Function;
use toml::{Table, Value};

/// The stores of each data class. A function may be granted stores of one class at most.
const DATA_CLASSES: [(&str, [&str; 2]); 3] = [
    ("identity", ["identity", "identity-keys"]),
    ("health", ["health", "health-keys"]),
    ("billing", ["billing", "billing-keys"]),
];

fn read() -> Table {
    std::fs::read_to_string(manifest()).unwrap().parse().unwrap()
}

fn strings<'v>(component: &'v Value, field: &str) -> BTreeSet<&'v str> {
    component
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|value| value.as_str().unwrap())
        .collect()
}

#[test]
fn no_function_is_granted_two_data_classes() {
    let manifest = read();
    let components = manifest["component"].as_table().unwrap();
    assert_eq!(components.len(), Function::ALL.len());
    let mut granted_classes = BTreeSet::new();
    for (name, component) in components {
        let stores = strings(component, "key_value_stores");
        let classes: Vec<&str> = DATA_CLASSES
            .iter()
            .filter(|(_, labels)| labels.iter().any(|label| stores.contains(label)))
            .map(|(class, _)| *class)
            .collect();
        assert!(classes.len() <= 1, "{name} is granted {classes:?}");
        granted_classes.extend(classes);
    }
    // The test would pass on a manifest whose stores had other names: hold on to those that there are.
    assert_eq!(granted_classes, BTreeSet::from(["identity", "health"]));
}

#[test]
fn every_function_gets_its_own_keyring_and_no_other() {
    let manifest = read();
    for (name, component) in manifest["component"].as_table().unwrap() {
        let variables = component["variables"].as_table().unwrap();
        assert_eq!(variables.len(), 1, "{name}");
        assert_eq!(
            variables["keyring"].as_str(),
            Some(format!("{{{{ {name}_keyring }}}}").as_str())
        );
        let variable = &manifest["variables"][&format!("{name}_keyring")];
        assert_eq!(variable["secret"].as_bool(), Some(true));
        assert_eq!(variable.get("default"), None, "a keyring must never have a default");
    }
}

#[test]
fn nothing_calls_outside_and_everything_is_audited() {
    let manifest = read();
    for (name, component) in manifest["component"].as_table().unwrap() {
        assert!(strings(component, "allowed_outbound_hosts").is_empty(), "{name}");
        assert!(strings(component, "key_value_stores").contains("audit"), "{name}");
    }
}

/// What the native tests grant is what the manifest grants.
#[test]
fn the_test_platform_has_the_same_map() {
    let manifest = read();
    let world = testkit::World::new(1);
    for function in Function::ALL {
        let component = &manifest["component"][function.name()];
        let granted = strings(component, "key_value_stores");
        world.with_platform(function, |platform| {
            for label in [
                "accounts",
                "sessions",
                "audit",
                "identity",
                "identity-keys",
                "consent",
                "permissions",
                "health",
                "health-keys",
            ] {
                assert_eq!(
                    platform.stores.store(label).is_ok(),
                    granted.contains(label),
                    "{function} {label}"
                );
            }
        });
    }
}
