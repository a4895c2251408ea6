//! Finding the outside programs that tests need.

use std::path::PathBuf;

/// The path of `program`; panics with what to do when it is not installed, since no test is skipped in silence.
pub fn path_of(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| panic!("{program} is not installed; `make test` installs what the tests need"))
}

/// Raises this process's limit of open files to what it may have: the usual 1,024 is too few for a thousand
/// connections.
pub fn allow_many_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}
