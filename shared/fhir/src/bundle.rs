//! A bundle: its entries, who each of them is, and what refers to what.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::import::{bound_by, detail};
use crate::node::{NoTree, Node};
use crate::report::{Reason, Report, Why};

/// The most bytes of a bundle. A function has little memory, and a tree takes a few times its text.
const BYTES: usize = 8 * 1024 * 1024;

/// The most entries of a bundle.
const ENTRIES: usize = 5_000;

/// The most single values of a resource, of which real ones have 400. It is copied while it is read.
const VALUES: usize = 50_000;

/// The system of identifiers that are URIs (FHIR R4, Identifier; RFC 3986).
const URIS: &str = "urn:ietf:rfc:3986";

/// Which resource of which sender something was made of: the same for the same resource, whenever it comes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[schemars(rename = "ResourceSource")]
pub struct Source {
    /// The sender's base URL, or `urn:ietf:rfc:3986` where the resource is named by a URI.
    pub system: String,
    /// Type and id under that base, or the URI.
    pub id: String,
}

/// What is wrong with a bundle, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Flaw")]
pub struct Problem {
    /// A JSON pointer (RFC 6901).
    pub field: String,
    /// What must be the case. It repeats nothing of the bundle.
    pub detail: String,
}

/// Why bytes are no bundle that can be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the bundle can't be read")]
pub struct Invalid {
    /// Everything that is wrong with it.
    pub problems: Vec<Problem>,
}

/// An entry: where it stands, who it is, and the resource.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) position: usize,
    pub(crate) resource_type: String,
    pub(crate) full_url: String,
    pub(crate) source: Source,
    pub(crate) resource: Node,
}

/// A transaction or collection of R4, of one patient, in which every entry has a name of its own.
pub struct Bundle {
    pub(crate) entries: Vec<Entry>,
    /// What the bundle says besides its resources: of each entry, and of itself.
    pub(crate) around: Node,
    /// Which entry has a `fullUrl`.
    by_url: BTreeMap<String, usize>,
    /// Which entry has a resource of this type and id, where one alone has.
    by_name: BTreeMap<String, Option<usize>>,
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Bundle of {} entries", self.entries.len())
    }
}

impl Bundle {
    /// Reads a bundle of at most 8 MiB, 5 000 entries, 32 levels and 600 000 values, arrays and objects, with at most 256 members in an
    /// object, 50 000 values in a resource and 5 000 different paths.
    ///
    /// # Errors
    /// All that is wrong with it: it is not JSON, has too much of something, is of another type, is labelled as one that must be kept otherwise, has an entry
    /// without a `fullUrl` or a resource, two entries of one name, or not exactly one `Patient`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Invalid> {
        let one = |field: &str, detail: &str| Invalid {
            problems: vec![Problem {
                field: field.to_owned(),
                detail: detail.to_owned(),
            }],
        };
        if bytes.len() > BYTES {
            return Err(one("", "must have at most 8 MiB"));
        }
        let mut tree = Node::parse(bytes).map_err(|error: NoTree| one("", &error.to_string()))?;
        if tree.text_at("resourceType") != Some("Bundle") {
            return Err(one("/resourceType", "must be Bundle"));
        }
        if !matches!(tree.text_at("type"), Some("transaction" | "collection")) {
            return Err(one("/type", "must be transaction or collection"));
        }
        // What binds whoever gets the bundle is said of every resource in it.
        if let Some(element) = bound_by(&tree) {
            return Err(one(&format!("/{}", element.replace('.', "/")), detail(element)));
        }
        let mut problems = Vec::new();
        let mut note = |field: String, detail: &str| {
            problems.push(Problem {
                field,
                detail: detail.to_owned(),
            });
        };
        let Some(Node::List(list)) = tree.at_mut("entry") else {
            return Err(one("/entry", "must be an array"));
        };
        if list.len() > ENTRIES {
            return Err(one("/entry", "must have at most 5000 entries"));
        }
        let (mut entries, mut by_url, mut by_name) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        for (position, entry) in list.iter_mut().enumerate() {
            let at = format!("/entry/{position}");
            let full_url = entry
                .text_at("fullUrl")
                .and_then(|url| Some((url.to_owned(), source(url)?)));
            let resource_type = entry.text_at("resource.resourceType").filter(|name| is_type(name));
            let (Some((full_url, source)), Some(resource_type)) = (full_url, resource_type.map(str::to_owned)) else {
                if entry.text_at("fullUrl").and_then(source).is_none() {
                    note(
                        format!("{at}/fullUrl"),
                        "must be urn:uuid: or urn:oid: with its value, or an http(s) URL that ends with type and id",
                    );
                }
                if entry.text_at("resource.resourceType").is_none_or(|name| !is_type(name)) {
                    note(
                        format!("{at}/resource/resourceType"),
                        "must be the name of a type of resource",
                    );
                }
                continue;
            };
            if by_url.insert(full_url.clone(), entries.len()).is_some() {
                note(format!("{at}/fullUrl"), "must not be that of another entry");
            }
            let resource = entry.at_mut("resource").map_or(Node::Nothing, Node::take);
            if resource.values() > VALUES {
                note(format!("{at}/resource"), "must have at most 50000 values");
            }
            // It is in the source.
            entry.at_mut("fullUrl").map(Node::take);
            if let Some(id) = resource.text_at("id") {
                let named = by_name.entry(format!("{resource_type}/{id}"));
                named.and_modify(|one| *one = None).or_insert(Some(entries.len()));
            }
            entries.push(Entry {
                position,
                resource_type,
                full_url,
                source,
                resource,
            });
        }
        let patients = entries.iter().filter(|entry| entry.resource_type == "Patient").count();
        if patients != 1 {
            note("/entry".to_owned(), "must have exactly one Patient");
        }
        if !problems.is_empty() {
            return Err(Invalid { problems });
        }
        // Whatever is not carried over is named by its path, so no more of them are read than are reported.
        let mut paths = Report::default();
        for entry in &entries {
            paths.add_rest(&entry.resource_type, &entry.resource, &|_, _| Why::Each(Reason::NoHome));
        }
        paths.add_rest("Bundle", &tree, &|_, _| Why::Each(Reason::NoHome));
        if paths.is_shortened() {
            return Err(one(
                "/entry",
                "must have at most 5000 different paths of elements, of at most 1000 bytes each",
            ));
        }
        for said in ["resourceType", "type"] {
            tree.at_mut(said).map(Node::take);
        }
        tree.prune();
        Ok(Self {
            entries,
            around: tree,
            by_url,
            by_name,
        })
    }

    /// The entry that a reference in another one names: by its `fullUrl`, or by type and id under the base of the one that refers (FHIR
    /// R4, Bundle, "Resolving references in Bundles", <http://hl7.org/fhir/R4/bundle.html#references>).
    pub(crate) fn resolve(&self, from: &Entry, reference: &str) -> Option<&Entry> {
        let position = self.by_url.get(reference).copied().or_else(|| {
            match split_base(&from.full_url) {
                // The same type and id under another base is somebody else.
                Some((base, _)) => self.by_url.get(&format!("{base}/{reference}")).copied(),
                // Who is named by a UUID has no base: type and id are those of the resource.
                None => *self.by_name.get(reference)?,
            }
        })?;
        self.entries.get(position)
    }
}

fn is_type(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// FHIR R4, data type `id`.
fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
}

/// Base, and type with id, of a resource's URL.
fn split_base(url: &str) -> Option<(&str, &str)> {
    let (above, id) = url.rsplit_once('/')?;
    let (base, kind) = above.rsplit_once('/')?;
    let is_web = base.starts_with("http://") || base.starts_with("https://");
    let length = kind.len() + 1 + id.len();
    let name = url.get(url.len().checked_sub(length)?..)?;
    (is_web && is_type(kind) && is_id(id)).then_some((base, name))
}

fn source(url: &str) -> Option<Source> {
    if url.len() > 255 || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    if let Some((base, name)) = split_base(url) {
        return Some(Source {
            system: base.to_owned(),
            id: name.to_owned(),
        });
    }
    let is_uri = ["urn:uuid:", "urn:oid:"]
        .iter()
        .any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    is_uri.then(|| Source {
        system: URIS.to_owned(),
        id: url.to_owned(),
    })
}
