use std::fs;
use std::path::{Path, PathBuf};

use confide::home::Home;
use confide_tests::manifest;
use tempfile::TempDir;
use toml::{Table, Value};

/// Where the fixtures' components are built, seen from a fixture's folder: beside what the workspace builds.
const FIXTURE_TARGET: &str = "../../../../target/fixtures";

const FLOOR_STORES: [&str; 5] = [
    "floor-sessions",
    "floor-permissions",
    "floor-keys",
    "floor-records",
    "floor-audit",
];

/// A folder with Confide's manifest and the fixtures as functions more, fresh keyrings and empty stores.
pub(crate) struct Prepared {
    home: Home,
    manifest: Table,
    _temporary: Option<TempDir>,
}

impl Prepared {
    /// In a folder that goes when this goes. Not in the system's own folder for such things: that is often in memory, where
    /// a durable write costs nothing.
    pub(crate) fn temporary() -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let prepared = Self::in_folder(folder.path().to_owned());
        Self {
            _temporary: Some(folder),
            ..prepared
        }
    }

    /// Builds all functions and writes what a host needs to serve them.
    pub(crate) fn in_folder(folder: PathBuf) -> Self {
        confide::host::create_private_folder(&folder).unwrap();
        // Spin reads the paths from another working directory.
        let home = Home::new(fs::canonicalize(folder).unwrap());
        home.initialise().expect("a folder without keyrings");
        let manifest = extended_manifest();
        let path = home.folder().join("spin.toml");
        fs::write(&path, manifest.to_string()).unwrap();
        confide::functions::build(&path, true).expect("the functions build");
        let prepared = Self {
            home,
            manifest,
            _temporary: None,
        };
        fs::write(prepared.runtime_config_file(), prepared.runtime_config().to_string()).unwrap();
        prepared
    }

    pub(crate) fn folder(&self) -> &Path {
        self.home.folder()
    }

    /// A code that founds one clinic.
    pub(crate) fn code(&self) -> String {
        self.home.bootstrap_code().unwrap().to_string()
    }

    /// The functions and the sizes of their components, in bytes.
    pub(crate) fn sizes(&self) -> Vec<(String, u64)> {
        self.components()
            .map(|(id, component)| {
                let size = fs::metadata(component["source"].as_str().unwrap()).unwrap().len();
                (id.clone(), size)
            })
            .collect()
    }

    fn components(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.manifest["component"].as_table().unwrap().iter()
    }

    fn runtime_config_file(&self) -> PathBuf {
        self.folder().join("runtime-config.toml")
    }

    /// What Spin needs to find the same stores and keyrings.
    fn runtime_config(&self) -> Table {
        let mut stores = Table::new();
        for (_, component) in self.components() {
            for label in component
                .get("key_value_stores")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let label = label.as_str().unwrap();
                let mut store = Table::new();
                store.insert("type".to_owned(), "spin".into());
                store.insert("path".to_owned(), text(&self.home.store_file(label)));
                stores.insert(label.to_owned(), store.into());
            }
        }
        let mut provider = Table::new();
        provider.insert("type".to_owned(), "env".into());
        provider.insert("dotenv_path".to_owned(), text(&self.home.env_file()));
        let mut config = Table::new();
        config.insert("key_value_store".to_owned(), stores.into());
        config.insert("variables_provider".to_owned(), Value::Array(vec![provider.into()]));
        config
    }

    /// How to serve the folder with Spin and measure that.
    pub(crate) fn instructions(&self) -> String {
        format!(
            "spin up --from {manifest} --runtime-config-file {config} --listen 127.0.0.1:3000\n\
             cargo bench -p confide-tests --bench ratios -- --url http://127.0.0.1:3000 --code {code} --pid PID",
            manifest = self.folder().join("spin.toml").display(),
            config = self.runtime_config_file().display(),
            code = self.code()
        )
    }
}

fn text(path: &Path) -> Value {
    path.to_str().expect("a path in UTF-8").into()
}

/// The deployed manifest with absolute paths, and the fixtures as functions of their own.
fn extended_manifest() -> Table {
    let path = fs::canonicalize(manifest()).unwrap();
    let root = path.parent().unwrap();
    let mut extended: Table = fs::read_to_string(&path).unwrap().parse().unwrap();
    for (_, component) in extended["component"].as_table_mut().unwrap().iter_mut() {
        let source = root.join(component["source"].as_str().unwrap());
        component["source"] = text(&source);
        if let Some(build) = component.get_mut("build").and_then(Value::as_table_mut) {
            build.insert("workdir".to_owned(), text(root));
        }
    }
    let fixtures = root.join("tests").join("bench").join("fixtures");
    for (id, stores) in [
        ("empty", &[] as &[&str]),
        ("floor", &FLOOR_STORES),
        ("hash", &[]),
        ("cipher", &[]),
    ] {
        let component = fixture(&fixtures.join(id), id, stores);
        extended["component"]
            .as_table_mut()
            .unwrap()
            .insert(id.to_owned(), component.into());
        let mut route = Table::new();
        route.insert("route".to_owned(), format!("/bench/{id}/...").into());
        route.insert("component".to_owned(), id.into());
        extended["trigger"]["http"].as_array_mut().unwrap().push(route.into());
    }
    extended
}

fn fixture(folder: &Path, id: &str, stores: &[&str]) -> Table {
    let file = format!("wasm32-wasip2/release/{id}.wasm");
    let mut build = Table::new();
    build.insert(
        "command".to_owned(),
        format!("cargo build --release --locked --target wasm32-wasip2 --target-dir {FIXTURE_TARGET}").into(),
    );
    build.insert("workdir".to_owned(), text(folder));
    let mut component = Table::new();
    component.insert("source".to_owned(), text(&folder.join(FIXTURE_TARGET).join(file)));
    component.insert("key_value_stores".to_owned(), stores.to_vec().into());
    component.insert("build".to_owned(), build.into());
    component
}
