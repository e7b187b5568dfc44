//! Where an archive is: a directory, or `s3://BUCKET/PREFIX`.

use crate::Error;
use std::env;
use std::path::{Path, PathBuf};

/// What an address in a bucket begins with.
const S3: &str = "s3://";
/// Where the service is, the more special first.
const ENDPOINTS: [&str; 3] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];

/// A place in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bucketed {
    pub bucket: String,
    /// Without slashes at its ends.
    pub prefix: String,
}

/// The bucket that an address names; `None` if it is a directory.
///
/// # Errors
/// If it names no bucket, if it is of another scheme, or if this program was built without S3.
pub(crate) fn bucketed(address: &Path) -> Result<Option<Bucketed>, Error> {
    let Some(text) = address.to_str() else { return Ok(None) };
    let wrong = |detail: &str| Err(Error::damaged(address, detail));
    let Some(rest) = text.strip_prefix(S3) else {
        return match text.split_once("://") {
            Some((scheme, _)) if !scheme.is_empty() && scheme.bytes().all(|c| c.is_ascii_alphanumeric()) => {
                wrong("an archive is a directory or s3://BUCKET/PREFIX; for a directory of this name put ./ before it")
            }
            _ => Ok(None),
        };
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"-._".contains(&c);
    // A prefix becomes a directory of this machine, too.
    let is_part = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(|c| is_plain(c) || b"=+@,".contains(&c));
    let prefix = prefix.trim_matches('/');
    if bucket.is_empty() || !bucket.bytes().all(is_plain) || bucket.starts_with('.') {
        return wrong("it names no bucket; say s3://BUCKET/PREFIX");
    }
    if !prefix.is_empty() && !prefix.split('/').all(is_part) {
        return wrong("a prefix has letters, digits and -._=+@, between single slashes; choose another");
    }
    if !cfg!(feature = "s3") {
        return wrong("this danelaw was built without S3: cargo build --features s3");
    }
    Ok(Some(Bucketed { bucket: bucket.to_owned(), prefix: prefix.to_owned() }))
}

/// The URL of the service, if the environment names one.
pub(crate) fn endpoint() -> Option<String> {
    ENDPOINTS.iter().find_map(|name| env::var(name).ok()).filter(|url| !url.is_empty())
}

/// The service by its name and port.
pub(crate) fn host() -> String {
    let url = endpoint().unwrap_or_else(|| "https://s3.amazonaws.com".to_owned());
    let host = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or(host);
    host.rsplit_once('@').map_or(host, |(_, host)| host).to_owned()
}

/// Where files of an archive are on this machine: in the archive itself if it is a directory. Of one in a bucket there are the complete records of
/// the runs that this machine has made, lines that an import has set aside, and copies of its tables:
/// `$XDG_STATE_HOME/danelaw/s3/SERVICE/BUCKET/PREFIX`, and without that variable below `~/.local/state`.
///
/// # Errors
/// As the address cannot be used, or if the environment names no home.
pub fn on_this_machine(address: &Path) -> Result<PathBuf, Error> {
    let Some(Bucketed { bucket, prefix }) = bucketed(address)? else { return Ok(address.to_path_buf()) };
    let named = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = named("XDG_STATE_HOME").or_else(|| named("HOME").map(|home| home.join(".local/state")));
    let state = state.ok_or_else(|| Error::damaged(address, "there is no place for working files; set XDG_STATE_HOME to a directory"))?;
    let service = host().replace(|c: char| !c.is_ascii_alphanumeric() && !"-.".contains(c), "_");
    Ok(state.join("danelaw/s3").join(service).join(bucket).join(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_directories() {
        for path in ["survey", "./s3:/x", "/var/lib/survey", "s3:/bucket", "a b://c", "://x"] {
            assert_eq!(bucketed(Path::new(path)).unwrap(), None, "{path}");
            assert_eq!(on_this_machine(Path::new(path)).unwrap(), Path::new(path));
        }
    }

    #[cfg(feature = "s3")]
    #[test]
    fn buckets() {
        let found = |text: &str| bucketed(Path::new(text)).unwrap().map(|b| (b.bucket, b.prefix));
        assert_eq!(found("s3://bucket"), Some(("bucket".into(), String::new())));
        assert_eq!(found("s3://bucket/"), Some(("bucket".into(), String::new())));
        assert_eq!(found("s3://my.bucket/a/month=1/"), Some(("my.bucket".into(), "a/month=1".into())));
    }

    #[cfg(not(feature = "s3"))]
    #[test]
    fn without_the_feature_it_says_how_to_get_it() {
        let error = bucketed(Path::new("s3://bucket/a")).unwrap_err().to_string();
        assert_eq!(error, "s3://bucket/a: this danelaw was built without S3: cargo build --features s3");
    }

    #[test]
    fn what_cannot_be_an_address() {
        for text in
            ["s3://", "s3:///a", "s3://../a", "s3://b/../c", "s3://b/a//c", "s3://b/a b", "s3://b\u{e4}/x", "gs://bucket/a", "https://x/y"]
        {
            let error = bucketed(Path::new(text)).unwrap_err().to_string();
            assert!(error.starts_with(text) && !error.contains('\n'), "{error}");
        }
    }
}
