//! What a function may import besides WASI: key-value stores and variables, each as its manifest grants them.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::keyvalue::{Fault, OpenStore};
use crate::memory::GuestMemory;
use crate::outbound::Outbound;
use crate::variables::{ComponentVariables, Failure};

mod bindings {
    wasmtime::component::bindgen!({
        path: "src/wit",
        world: "confide:host/capabilities",
        imports: {
            "wasi:keyvalue/store.[method]bucket.set": async | trappable,
            "wasi:keyvalue/store.[method]bucket.delete": async | trappable,
            "wasi:keyvalue/atomics.increment": async | trappable,
            "wasi:keyvalue/atomics.swap": async | trappable,
            "wasi:keyvalue/batch.set-many": async | trappable,
            "wasi:keyvalue/batch.delete-many": async | trappable,
            default: trappable,
        },
        with: {
            "wasi:keyvalue/store.bucket": super::Bucket,
            "wasi:keyvalue/atomics.cas": super::Cas,
        },
    });
}

use bindings::fermyon::spin::variables;
use bindings::wasi::keyvalue::{atomics, batch, store};

/// An open store, held by a guest.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Bucket(OpenStore);

/// A swap in the making: the key, and the value it was last seen with.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Cas {
    store: OpenStore,
    key: String,
    seen: Option<Vec<u8>>,
}

/// All the host keeps for one request of one function. Dropped with the request, so nothing outlives it.
pub(crate) struct Sandbox {
    pub(crate) wasi: WasiCtx,
    pub(crate) http: WasiHttpCtx,
    pub(crate) table: ResourceTable,
    pub(crate) memory: GuestMemory,
    pub(crate) outbound: Outbound,
    pub(crate) variables: Arc<ComponentVariables>,
    pub(crate) stores: Arc<HashMap<String, OpenStore>>,
}

impl WasiView for Sandbox {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Sandbox {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.outbound,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// Makes every import that this host provides available to components.
///
/// # Errors
/// Never, unless two of them have one name.
pub(crate) fn link(linker: &mut Linker<Sandbox>) -> Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    bindings::Capabilities::add_to_linker::<_, HasSelf<_>>(linker, |sandbox| sandbox)
}

impl From<Fault> for store::Error {
    fn from(fault: Fault) -> Self {
        Self::Other(fault.0)
    }
}

impl store::Host for Sandbox {
    fn open(&mut self, identifier: String) -> Result<Result<Resource<Bucket>, store::Error>> {
        // Not granted and not existing look the same, so that a label cannot be probed.
        let Some(opened) = self.stores.get(&identifier) else {
            return Ok(Err(store::Error::AccessDenied));
        };
        Ok(Ok(self.table.push(Bucket(opened.clone()))?))
    }
}

impl store::HostBucket for Sandbox {
    fn get(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Result<Option<Vec<u8>>, store::Error>> {
        Ok(self.table.get(&bucket)?.0.get(&key).map_err(Into::into))
    }

    async fn set(&mut self, bucket: Resource<Bucket>, key: String, value: Vec<u8>) -> Result<Result<(), store::Error>> {
        let outcome = self.table.get(&bucket)?.0.set(&key, &value).await;
        Ok(outcome.map_err(Into::into))
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Result<(), store::Error>> {
        let outcome = self.table.get(&bucket)?.0.delete(&key).await;
        Ok(outcome.map_err(Into::into))
    }

    fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Result<bool, store::Error>> {
        Ok(self.table.get(&bucket)?.0.exists(&key).map_err(Into::into))
    }

    fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<String>,
    ) -> Result<Result<store::KeyResponse, store::Error>> {
        if cursor.is_some() {
            let message = "list_keys: cursor not supported".to_owned();
            return Ok(Err(store::Error::Other(message)));
        }
        let keys = self.table.get(&bucket)?.0.keys();
        Ok(keys
            .map(|keys| store::KeyResponse { keys, cursor: None })
            .map_err(Into::into))
    }

    fn drop(&mut self, bucket: Resource<Bucket>) -> Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for Sandbox {
    async fn increment(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: i64,
    ) -> Result<Result<i64, store::Error>> {
        let outcome = self.table.get(&bucket)?.0.increment(&key, delta).await;
        Ok(outcome.map_err(Into::into))
    }

    async fn swap(&mut self, cas: Resource<Cas>, value: Vec<u8>) -> Result<Result<(), atomics::CasError>> {
        let cas = self.table.delete(cas)?;
        let failed = |fault: Fault| atomics::CasError::StoreError(fault.into());
        match cas.store.swap(&cas.key, cas.seen.as_deref(), &value).await {
            Ok(true) => Ok(Ok(())),
            Ok(false) => match cas.store.get(&cas.key) {
                Ok(seen) => {
                    let fresh = self.table.push(Cas { seen, ..cas })?;
                    Ok(Err(atomics::CasError::CasFailed(fresh)))
                }
                Err(fault) => Ok(Err(failed(fault))),
            },
            Err(fault) => Ok(Err(failed(fault))),
        }
    }
}

impl atomics::HostCas for Sandbox {
    fn new(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Result<Resource<Cas>, store::Error>> {
        let store = self.table.get(&bucket)?.0.clone();
        let cas = Cas { store, key, seen: None };
        Ok(Ok(self.table.push(cas)?))
    }

    fn current(&mut self, cas: Resource<Cas>) -> Result<Result<Option<Vec<u8>>, store::Error>> {
        let cas = self.table.get_mut(&cas)?;
        Ok(match cas.store.get(&cas.key) {
            Ok(value) => {
                cas.seen.clone_from(&value);
                Ok(value)
            }
            Err(fault) => Err(fault.into()),
        })
    }

    fn drop(&mut self, cas: Resource<Cas>) -> Result<()> {
        self.table.delete(cas)?;
        Ok(())
    }
}

impl batch::Host for Sandbox {
    fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<Result<Vec<(String, Option<Vec<u8>>)>, store::Error>> {
        let found = self.table.get(&bucket)?.0.get_many(keys);
        Ok(found
            .map(|found| found.into_iter().map(|(key, value)| (key, Some(value))).collect())
            .map_err(Into::into))
    }

    async fn set_many(
        &mut self,
        bucket: Resource<Bucket>,
        entries: Vec<(String, Vec<u8>)>,
    ) -> Result<Result<(), store::Error>> {
        let outcome = self.table.get(&bucket)?.0.set_many(&entries).await;
        Ok(outcome.map_err(Into::into))
    }

    async fn delete_many(&mut self, bucket: Resource<Bucket>, keys: Vec<String>) -> Result<Result<(), store::Error>> {
        let outcome = self.table.get(&bucket)?.0.delete_many(&keys).await;
        Ok(outcome.map_err(Into::into))
    }
}

impl variables::Host for Sandbox {
    fn get(&mut self, name: String) -> Result<Result<String, variables::Error>> {
        Ok(self.variables.get(&name).map_err(|failure| match failure {
            Failure::InvalidName(text) => variables::Error::InvalidName(text),
            Failure::Undefined(text) => variables::Error::Undefined(text),
            Failure::Provider(text) => variables::Error::Provider(text),
        }))
    }
}
