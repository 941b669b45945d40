//! `docs/access-matrix.md` is the table, printed. `CONFIDE_WRITE_DOCS=1 cargo test -p access --test matrix` prints it anew.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write as _;
use std::path::Path;

use access::{CALLS, Need, TABLE, WEBHOOKS};
use model::{DataClass, Purpose};

const HEAD: &str = "\
# The access table

Who may do what, to which data, what for, and what must hold besides. Every line is one way in which something is allowed; **what no line
allows is denied**, and both are in the audit trail under the name of the rule. Printed from `shared/access/src/table.rs`, which is what
decides; a test fails where the two differ.

Some things no line allows to anybody: no role reads a psychotherapy note that it did not write unless the client's own authorization
names it; nobody who administers or bills reads a record, and nobody who treats reads a bill; privacy officers, security and auditors
see evidence and never content. What `HRESCH` and `HQUALIMP` allow is given to the function `exchange`, which shows of it what identifies nobody.
";

fn names<T>(all: &[T], name: impl Fn(&T) -> &'static str) -> String {
    all.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn needs(needs: &[Need]) -> String {
    match needs {
        [] => "nothing".to_owned(),
        needs => names(needs, |need| need.name()),
    }
}

fn printed() -> String {
    let mut text = HEAD.to_owned();
    let refused = Purpose::ALL.into_iter().filter(|purpose| purpose.is_prohibited());
    let refused: Vec<_> = refused.map(|purpose| format!("`{purpose}`")).collect();
    writeln!(
        text,
        "\nNever served, whoever asks and whatever anybody agreed to: {}.",
        refused.join(", ")
    )
    .unwrap();
    for class in DataClass::ALL {
        let rules: Vec<_> = TABLE.iter().filter(|rule| rule.classes.contains(&class)).collect();
        writeln!(text, "\n## {class}\n").unwrap();
        if rules.is_empty() {
            writeln!(text, "Nobody.").unwrap();
            continue;
        }
        writeln!(text, "| who | may | for | if | rule |\n|---|---|---|---|---|").unwrap();
        for rule in rules {
            writeln!(
                text,
                "| {} | {} | {} | {} | `{}` |",
                names(rule.roles, |role| role.name()),
                names(rule.actions, |action| action.name()),
                names(rule.purposes, |purpose| purpose.code()),
                needs(rule.needs),
                rule.id
            )
            .unwrap();
        }
    }
    writeln!(
        text,
        "\n## What must hold\n\n| need | means | who lacks it is told |\n|---|---|---|"
    )
    .unwrap();
    for need in Need::ALL {
        writeln!(
            text,
            "| {} | {} | `{}` |",
            need.name(),
            need.meaning(),
            need.reason().rule()
        )
        .unwrap();
    }
    writeln!(text, "\n## What functions may ask of each other\n\n| function | may | to | for | if | rule |\n|---|---|---|---|---|---|").unwrap();
    for rule in CALLS {
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | `{}` |",
            rule.caller,
            names(rule.actions, |action| action.name()),
            names(rule.classes, |class| class.name()),
            names(rule.purposes, |purpose| purpose.code()),
            needs(rule.needs),
            rule.id
        )
        .unwrap();
    }
    writeln!(text, "\n## What payment gateways may do\n\nBy a delivery that is signed for the clinic, and in that clinic alone.\n\n| may | to | for | if | rule |\n|---|---|---|---|---|").unwrap();
    for rule in WEBHOOKS {
        writeln!(
            text,
            "| {} | {} | {} | {} | `{}` |",
            names(rule.actions, |action| action.name()),
            names(rule.classes, |class| class.name()),
            names(rule.purposes, |purpose| purpose.code()),
            if rule.needs.is_empty() {
                "it is about no client".to_owned()
            } else {
                needs(rule.needs)
            },
            rule.id
        )
        .unwrap();
    }
    text
}

#[test]
fn the_printed_table_is_the_one_that_decides() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/access-matrix.md");
    let printed = printed();
    if std::env::var_os("CONFIDE_WRITE_DOCS").is_some() {
        std::fs::write(&path, &printed).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == printed,
        "docs/access-matrix.md is not the table: print it with CONFIDE_WRITE_DOCS=1 cargo test -p access --test matrix"
    );
}
