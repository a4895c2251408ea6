//! Reads files within a limit of size. A FIFO or a device is refused: it would keep the program waiting, or never end.

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
/// Returns an error if the file cannot be read, is no regular file, is longer, or is not UTF-8.
pub fn read_text(path: &Path, max: u64) -> io::Result<String> {
    text(read_bytes(path, max)?)
}

/// Reads a file of at most `max` bytes.
///
/// # Errors
/// Returns an error if it cannot be read, is larger, or is no regular file.
pub(crate) fn read_bytes(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    read_regular(OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)?, max)
}

/// Reads a file of at most `max` bytes that was opened without blocking.
///
/// # Errors
/// Returns an error as [`read_bytes`] does: [`io::ErrorKind::InvalidInput`] if it is no regular file,
/// [`io::ErrorKind::FileTooLarge`] if it is larger.
pub(crate) fn read_regular(file: File, max: u64) -> io::Result<Vec<u8>> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut content = Vec::new();
    if file.take(max + 1).read_to_end(&mut content)? as u64 > max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {max} bytes")));
    }
    Ok(content)
}

/// Returns the content of a file as text.
///
/// # Errors
/// Returns an error if it is not UTF-8.
pub(crate) fn text(content: Vec<u8>) -> io::Result<String> {
    String::from_utf8(content).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
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
