//! Reads files within a limit of size.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Maximum size of a configuration file, in bytes.
pub const MAX_FILE: u64 = 1 << 20;

/// Reads a text file of at most `max` bytes.
///
/// # Errors
/// Returns an error if it cannot be read, is larger, is not UTF-8, or is no regular file: a FIFO or a device would
/// keep the program waiting, or never end.
pub fn read_text(path: &Path, max: u64) -> io::Result<String> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    read_regular(OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)?, max)
}

/// Reads a text file of at most `max` bytes that was opened without blocking.
///
/// # Errors
/// Returns an error as [`read_text`] does.
pub(crate) fn read_regular(file: File, max: u64) -> io::Result<String> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut text = String::new();
    if file.take(max + 1).read_to_string(&mut text)? as u64 > max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {max} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_small_regular_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let (file, fifo) = (folder.path().join("file"), folder.path().join("fifo"));
        std::fs::write(&file, "text").unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).unwrap();
        assert_eq!(read_text(&file, 4).unwrap(), "text");
        assert!(read_text(&file, 3).unwrap_err().to_string().contains("larger than 3 bytes"));
        for other in [fifo.as_path(), folder.path(), Path::new("/dev/zero")] {
            assert!(read_text(other, 4).unwrap_err().to_string().contains("no regular file"), "{}", other.display());
        }
    }
}
