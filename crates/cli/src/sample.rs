//! The bundled sample app: what `dev` shows where no app is given, and what `init` starts a new one with.

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../apps/sample/", $name)))),+]
    };
}

/// Every file: its path without a leading slash, and its content.
pub(crate) const FILES: &[(&str, &[u8])] = files!["app.js", "favicon.svg", "index.html", "style.css"];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_file_of_the_sample_is_bundled() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/sample");
        let there: BTreeSet<_> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "README.md")
            .collect();
        let bundled: BTreeSet<_> = super::FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(there, bundled);
    }
}
