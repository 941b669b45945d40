//! What was not carried over, and why.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::node::Node;

/// The most lines. A real patient of many years has 370 different paths.
const LINES: usize = 5_000;

/// The longest path, in bytes. Real ones have 67.
const PATH: usize = 1_000;

/// What stands for names that are not repeated.
const ELLIPSIS: &str = "…";

/// Why something was not carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "NotCarriedOverReason")]
pub enum Reason {
    /// The practice does not keep such things, by rule (GDPR 5(1)(c)).
    NotKept,
    /// Its owner must not learn it: `billing` no diagnoses and no link to a health record.
    Withheld,
    /// The owner has no field for it.
    NoHome,
    /// There is a field for it, and this value doesn't fit: it is malformed, of a form or code that the owner does not take, ended, there
    /// already or too often, or refers to what is not there.
    Unrepresentable,
    /// Resources of this type are not taken, or nothing that is imported refers to it.
    ResourceNotTaken,
    /// The resource lacks what its owner can't do without, or says something that changes the meaning of all of it.
    ResourceNotImportable,
    /// It says how the sender stores the bundle, not what is in it.
    Transport,
}

/// What was not carried over of one place in all resources of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "NotCarriedOver")]
pub struct Line {
    /// The type of the resource, or the kind of the owner's JSON.
    pub of: String,
    /// Where in it: names with dots in between, without the positions in lists, and the last part of an extension's URL in brackets.
    pub path: String,
    /// Why.
    pub reason: Reason,
    /// How often.
    pub count: usize,
    /// How many single values that is.
    pub values: usize,
}

/// What was not carried over, line by line, in alphabetical order. It has paths and counts, and none of the values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    lines: BTreeMap<(String, String, Reason), (usize, usize)>,
    is_shortened: bool,
}

impl Report {
    /// The lines.
    pub fn lines(&self) -> impl Iterator<Item = Line> {
        self.lines.iter().map(|((of, path, reason), (count, values))| Line {
            of: of.clone(),
            path: path.clone(),
            reason: *reason,
            count: *count,
            values: *values,
        })
    }

    /// How many single values were not carried over.
    #[must_use]
    pub fn values(&self) -> usize {
        self.lines.values().map(|(_, values)| values).sum()
    }

    pub(crate) fn add(&mut self, of: &str, path: &str, reason: Reason, values: usize) {
        let mut key = (of.to_owned(), path.to_owned(), reason);
        let is_full = self.lines.len() >= LINES && !self.lines.contains_key(&key);
        if is_full || path.len() > PATH {
            // Counted all the same: nothing is dropped in silence.
            self.is_shortened = true;
            ELLIPSIS.clone_into(&mut key.1);
        }
        let line = self.lines.entry(key).or_default();
        line.0 += 1;
        line.1 += values;
    }

    /// Whether there was more to say than 5 000 lines, or a path of more than 1 000 bytes. All of it is counted, without its path.
    pub(crate) fn is_shortened(&self) -> bool {
        self.is_shortened
    }

    /// Notes all that is left in a tree: an element of which a rule says why it is not carried over as one, all else by its values.
    pub(crate) fn add_rest(&mut self, of: &str, rest: &Node, why: &dyn Fn(&str, &Node) -> Why) {
        self.add_below(of, "", rest, why);
    }

    fn add_below(&mut self, of: &str, path: &str, rest: &Node, why: &dyn Fn(&str, &Node) -> Why) {
        let reason = match why(path, rest) {
            Why::Whole(reason) => {
                // A list is as many as it has entries.
                if let Node::List(list) = rest {
                    for entry in list.iter().filter(|entry| !entry.is_nothing()) {
                        self.add_below(of, path, entry, why);
                    }
                } else {
                    self.add(of, path, reason, rest.values());
                }
                return;
            }
            Why::Each(reason) => reason,
        };
        match rest {
            Node::Nothing => {}
            Node::List(list) if !list.is_empty() => {
                for entry in list {
                    let url = entry.text_at("url").filter(|_| path.ends_with("xtension"));
                    let path = match url.and_then(|url| url.rsplit('/').next()) {
                        Some(name) => format!("{path}[{}]", printable(name)),
                        None => path.to_owned(),
                    };
                    self.add_below(of, &path, entry, why);
                }
            }
            Node::Object(members) if !members.is_empty() => {
                for (name, value) in members {
                    let name = printable(name);
                    let path = if path.is_empty() {
                        name
                    } else {
                        format!("{path}.{name}")
                    };
                    self.add_below(of, &path, value, why);
                }
            }
            _ => self.add(of, path, reason, rest.values()),
        }
    }
}

/// The sender chose this name, and it might be anything: only what looks like an element's name is repeated.
fn printable(name: &str) -> String {
    let is_name = !name.is_empty()
        && name.len() <= 64
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_name { name.to_owned() } else { ELLIPSIS.to_owned() }
}

/// Why what is left at a path was not carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// This, of all that is below it.
    Whole(Reason),
    /// This, unless something else holds of what is below it.
    Each(Reason),
}
