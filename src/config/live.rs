//! The configuration as it is now: read again when the file has changed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{ConfigError, Settings, parse_file, read};

/// One version of the file: device, inode, size, and time of change to the nanosecond.
type Stamp = (u64, u64, u64, i64, i64);
type Loaded = Result<Arc<Settings>, Arc<ConfigError>>;

/// A configuration file, and the settings that it holds now.
#[derive(Debug)]
pub struct Live {
    file: PathBuf,
    cached: Mutex<Option<(Stamp, Loaded)>>,
}

impl Live {
    /// Remembers the path; reads nothing yet.
    pub fn new(file: PathBuf) -> Self {
        Self { file, cached: Mutex::new(None) }
    }

    /// Returns the file's path.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the settings that the file holds now. An unchanged file costs one `stat`.
    ///
    /// # Errors
    /// Returns an error if the file cannot be used. An error of reading it is not remembered, because it may pass
    /// without a change of the file.
    pub fn current(&self) -> Loaded {
        let stamp = stamp(&self.file);
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        match &*cached {
            Some((known, loaded)) if stamp.as_ref() == Some(known) => loaded.clone(),
            _ => {
                let text = read(&self.file)?;
                let loaded = parse_file(&self.file, &text).map(Arc::new).map_err(Arc::new);
                *cached = stamp.map(|stamp| (stamp, loaded.clone()));
                loaded
            }
        }
    }

    /// Waits until the configuration is usable; the service's gate logs why it is not.
    pub async fn usable(&self) -> Arc<Settings> {
        loop {
            if let Ok(settings) = self.current() {
                return settings;
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let meta = fs::metadata(file).ok()?;
    Some((meta.dev(), meta.ino(), meta.size(), meta.ctime(), meta.ctime_nsec()))
}
