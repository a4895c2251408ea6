//! Replaces a file as a whole.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

/// Mode and owner of a file; `None` leaves the owner to the system.
#[derive(Debug, Clone, Copy)]
pub(super) struct Access {
    pub(super) mode: u32,
    pub(super) user: Option<u32>,
    pub(super) group: Option<u32>,
}

/// Writes `text` to `file` with this access: whoever reads it sees either the old file or the whole new one, also after
/// a power cut.
pub(super) fn replace(file: &Path, text: &str, access: Access) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    write(&temporary, text, access).and_then(|()| std::fs::rename(&temporary, file)).inspect_err(|_| {
        // Best effort: the error that counts is the one above.
        let _ = std::fs::remove_file(&temporary);
    })?;
    File::open(folder)?.sync_all()
}

fn write(file: &Path, text: &str, access: Access) -> io::Result<()> {
    let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    opened.write_all(text.as_bytes())?;
    fchown(&opened, access.user, access.group)?;
    opened.set_permissions(std::fs::Permissions::from_mode(access.mode))?;
    opened.sync_all()
}
