//! Tasks with names, so that the one that ends is known.

use std::collections::BTreeMap;

use tokio::task::{Id, JoinSet};

/// Tasks that run at the same time; dropping it ends them.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    set: JoinSet<()>,
    names: BTreeMap<Id, String>,
}

impl Tasks {
    pub(super) fn spawn(&mut self, name: &str, task: impl Future<Output = ()> + Send + 'static) {
        let handle = self.set.spawn(task);
        self.names.insert(handle.id(), name.to_owned());
    }

    /// The name of the next task that ends; `None` when none is left.
    pub(super) async fn next(&mut self) -> Option<String> {
        let id = match self.set.join_next_with_id().await? {
            Ok((id, ())) => id,
            Err(error) => error.id(),
        };
        Some(self.names.remove(&id).unwrap_or_default())
    }

    /// Ends the tasks where they wait.
    pub(super) async fn abort(&mut self) {
        self.set.shutdown().await;
        self.names.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    pub(super) fn running(&self) -> String {
        self.names.values().cloned().collect::<Vec<_>>().join(", ")
    }
}
