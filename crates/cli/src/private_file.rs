//! Files that hold secrets: readable for their owner only, from the first byte on.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

/// Writes a file that must be new and that only its owner may read.
pub(crate) fn create(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(content)
}
