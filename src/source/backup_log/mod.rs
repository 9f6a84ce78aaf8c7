//! stub
use crate::site::*; use crate::source::*; use crate::trace::*; use std::time::Duration; use std::sync::Arc;
/// x
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Cursor {}
/// x
#[derive(Debug)]
pub struct BackupLog{id: SourceId}
impl BackupLog {
/// x
pub fn new(_: SiteCode, _: std::path::PathBuf, _: Duration, _: Phrases) -> Self { todo!() }
/// x
pub fn source_id(&self) -> &SourceId {todo!()}
/// x
pub fn wake_on_change(&self, _:Arc<tokio::sync::Notify>) {todo!()}
}
impl BlockingSource for BackupLog { fn id(&self) -> &SourceId{&self.id} fn interval(&self)->Duration{todo!()} fn poll(&self, _:Option<&super::Cursor>, _:&Guidance)->Result<Poll<super::Cursor>, PollFailure>{todo!()} }
