//! The separation that everything rests on, read off the manifest that is deployed.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use confide_tests::manifest;
use crypto::KeyringPlan;
use model::Function;
use toml::{Table, Value};

/// The stores of each data class. A function may be granted stores of one class at most.
const DATA_CLASSES: [(&str, [&str; 2]); 3] = [
    ("identity", ["identity", "identity-keys"]),
    ("health", ["health", "health-keys"]),
    ("billing", ["billing", "billing-keys"]),
];

/// Whose keyring, stores and calls a component has: `accounts` and `auth` are two components of one function.
fn function_of(component: &str) -> Function {
    match component {
        "accounts" => Function::Auth,
        name => Function::from_name(name).unwrap(),
    }
}

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
    let functions: BTreeSet<Function> = components.keys().map(|name| function_of(name)).collect();
    assert_eq!(functions, BTreeSet::from(Function::ALL));
    assert_eq!(components.len(), Function::ALL.len() + 1);
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
    assert_eq!(granted_classes, BTreeSet::from(["identity", "health", "billing"]));
}

/// What every function is told of the deployment: where it keeps data, where other deployments are, which proxies stand in front, and where front
/// ends are.
const DEPLOYMENT_VARIABLES: [&str; 4] = ["cors_origins", "region", "regions", "trusted_proxies"];

/// For whom passkeys are made: nothing of it is secret. `accounts` checks none.
const AUTH_VARIABLES: [&str; 2] = ["origins", "rp_id"];

/// What `notify` needs to send anything. Whoever is not named here has no variable but its keyring.
const NOTIFY_VARIABLES: [&str; 16] = [
    "app_url",
    "capture",
    "email_callback_key",
    "email_from",
    "email_key",
    "email_provider",
    "email_url",
    "public_url",
    "sms_account",
    "sms_from",
    "sms_provider",
    "sms_token",
    "sms_url",
    "webhook_key",
    "webhook_origin",
    "webhook_path",
];

/// Below which URL exported resources are named.
const EXCHANGE_VARIABLES: [&str; 1] = ["base_url"];

/// What the payment gateways sign their webhooks with.
const BILLING_VARIABLES: [&str; 2] = ["razorpay_webhook_secrets", "stripe_webhook_secrets"];

#[test]
fn every_function_gets_its_own_keyring_and_no_other() {
    let manifest = read();
    for (name, component) in manifest["component"].as_table().unwrap() {
        let variables = component["variables"].as_table().unwrap();
        let mut expected = BTreeSet::from(["keyring"]);
        expected.extend(DEPLOYMENT_VARIABLES);
        match name.as_str() {
            "auth" => expected.extend(AUTH_VARIABLES),
            "notify" => expected.extend(NOTIFY_VARIABLES),
            "billing" => expected.extend(BILLING_VARIABLES),
            "exchange" => expected.extend(EXCHANGE_VARIABLES),
            _ => {}
        }
        assert_eq!(
            variables.keys().map(String::as_str).collect::<BTreeSet<_>>(),
            expected,
            "{name}"
        );
        // Each variable is filled from the one of the function's name, so none is filled from another function's.
        let function = function_of(name);
        for (variable, template) in variables {
            let source = if DEPLOYMENT_VARIABLES.contains(&variable.as_str()) {
                variable.clone()
            } else {
                format!("{function}_{variable}")
            };
            assert_eq!(template.as_str(), Some(format!("{{{{ {source} }}}}").as_str()));
        }
        let variable = &manifest["variables"][&format!("{function}_keyring")];
        assert_eq!(variable["secret"].as_bool(), Some(true));
        assert_eq!(variable.get("default"), None, "a keyring must never have a default");
    }
}

#[test]
fn credentials_are_secret_and_nothing_is_sent_by_default() {
    let manifest = read();
    let variables = manifest["variables"].as_table().unwrap();
    for (name, variable) in variables {
        let is_credential = ["_key", "_token", "_keyring", "_secrets"]
            .iter()
            .any(|ending| name.ends_with(ending));
        let is_secret = variable.get("secret").and_then(Value::as_bool) == Some(true);
        assert_eq!(is_secret, is_credential, "{name}");
        if is_credential {
            assert!(
                variable
                    .get("default")
                    .is_none_or(|default| default.as_str() == Some("")),
                "{name}"
            );
        }
    }
    let default = |name: &str| variables[name]["default"].as_str().unwrap();
    assert_eq!(
        (default("notify_email_provider"), default("notify_sms_provider")),
        ("", "")
    );
    assert_eq!(default("notify_capture"), "off");
}

/// Who may call whom: one function calls outside, and chained calls are those that the keyrings have keys for.
#[test]
fn only_notify_calls_outside_and_whoever_decides_is_audited() {
    let manifest = read();
    for (name, component) in manifest["component"].as_table().unwrap() {
        let function = function_of(name);
        let mut expected: BTreeSet<String> = Function::ALL
            .into_iter()
            .filter(|callee| KeyringPlan::has_calls(function, *callee))
            .map(|callee| format!("http://{callee}.spin.internal"))
            .collect();
        if function == Function::Notify {
            expected.extend(["email_url", "sms_url", "webhook_origin"].map(|name| format!("{{{{ notify_{name} }}}}")));
        }
        let allowed = strings(component, "allowed_outbound_hosts");
        assert_eq!(
            allowed.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(),
            expected,
            "{name}"
        );
        // `exchange` decides nothing: the owners do, about whoever asks it.
        let stores = strings(component, "key_value_stores");
        assert_eq!(stores.contains("audit"), function != Function::Exchange, "{name}");
        if function == Function::Exchange {
            assert_eq!(stores, BTreeSet::from(["sessions"]));
        }
    }
}

/// What the native tests grant is what the manifest grants.
#[test]
fn the_test_platform_has_the_same_map() {
    let manifest = read();
    let world = testkit::World::new(1);
    for function in Function::ALL {
        let is_chained = |callee: Function| world.may_send(function, &format!("{callee}.spin.internal"));
        for callee in Function::ALL {
            assert_eq!(
                is_chained(callee),
                KeyringPlan::has_calls(function, callee),
                "{function} {callee}"
            );
        }
        assert_eq!(
            world.may_send(function, "api.example.org"),
            function == Function::Notify
        );
        let components = manifest["component"].as_table().unwrap().iter();
        let mut granted = components
            .filter(|(name, _)| function_of(name) == function)
            .map(|(_, component)| strings(component, "key_value_stores"));
        let stores = granted.next().unwrap();
        assert!(granted.all(|others| others == stores), "{function}");
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
                "notify",
                "billing",
                "billing-keys",
            ] {
                assert_eq!(
                    platform.stores.store(label).is_ok(),
                    stores.contains(label),
                    "{function} {label}"
                );
            }
        });
    }
}
