//! Names that become a part of a path: of a repository below its destination, or of a destination below the gateway.
//! Pure.

use crate::model::plan::{Fault, ModuleId};

/// Maximum length of one segment of a path.
const MAX_SEGMENT: usize = 128;

/// Returns whether `text` is one segment of a path and nothing else, also after any decoding.
pub(super) fn is_segment(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !text.starts_with('.') && (1..=MAX_SEGMENT).contains(&text.len()) && text.bytes().all(plain)
}

/// Returns the path of a module's repository, `<app>/<uuid>`, and what is wrong with `image_url`.
///
/// The app is the image's name in `image_url`, as NS8 has it: `mail` in `ghcr.io/nethserver/mail:1.4.0`. If there is no
/// such name, or one that NS8 never gives, it is the module's id without digits.
pub(super) fn repository(module: &ModuleId, uuid: &str, image_url: Option<&str>) -> (Option<String>, Option<Fault>) {
    let app = image_url.and_then(image);
    let fault = (image_url.is_some() && app.is_none()).then_some(Fault::BadCharacters);
    let app = app.unwrap_or_else(|| module.app());
    ((is_segment(app) && is_segment(uuid)).then(|| [app, "/", uuid].concat()), fault)
}

/// Returns the image's name in its URL, which stands behind the last slash and before the tag or the digest.
fn image(url: &str) -> Option<&str> {
    let name = url.rsplit('/').next()?.split(['@', ':']).next()?;
    (url.bytes().all(|byte| byte.is_ascii_graphic()) && is_segment(name)).then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(module: &str, uuid: &str, image_url: Option<&str>) -> (Option<String>, Option<Fault>) {
        repository(&ModuleId::new(module).unwrap(), uuid, image_url)
    }

    #[test]
    fn the_app_is_the_images_name() {
        for (url, app) in [
            ("ghcr.io/nethserver/postfix:1.4.0", "postfix"),
            ("ghcr.io/nethserver/dokuwiki@sha256:0abc", "dokuwiki"),
            ("localhost:5000/my-app_2.x:latest", "my-app_2.x"),
            ("ghcr.io/nethserver/mail", "mail"),
        ] {
            assert_eq!(path("mail1", "5f1c", Some(url)), (Some(format!("{app}/5f1c")), None), "{url}");
        }
        assert_eq!(path("mail1", "5f1c", None), (Some("mail/5f1c".into()), None));
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_not_used() {
        let long = format!("ghcr.io/{}:1", "x".repeat(129));
        for url in [
            "..",
            "ghcr.io/..:1",
            "ghcr.io/.:1",
            "ghcr.io/.git:1",
            "ghcr.io/a%2f..%2fb:1",
            "ghcr.io/a\\..:1",
            "ghcr.io/a b:1",
            "ghcr.io/a\n:1",
            "ghcr.io/a?x=1:1",
            "ghcr.io/\u{e4}:1",
            "ghcr.io/:1",
            "ghcr.io/",
            "/:",
            &long,
        ] {
            assert_eq!(
                path("mail1", "5f1c", Some(url)),
                (Some("mail/5f1c".into()), Some(Fault::BadCharacters)),
                "{url}"
            );
        }
    }

    #[test]
    fn without_any_clean_name_there_is_no_path() {
        for (module, uuid) in
            [("..1", "5f1c"), ("1", "5f1c"), ("a b1", "5f1c"), ("mail1", ".."), ("mail1", "a/b"), ("mail1", "")]
        {
            assert_eq!(path(module, uuid, None).0, None, "{module} {uuid}");
        }
    }

    proptest! {
        #[test]
        fn no_path_leads_out_of_its_destination(module in "[^/]{1,9}", uuid in ".{0,9}", url in proptest::option::of(".{0,30}")) {
            if let (Some(path), _) = path(&module, &uuid, url.as_deref()) {
                let (app, uuid) = path.split_once('/').unwrap();
                prop_assert!(is_segment(app) && is_segment(uuid));
                prop_assert!(!path.contains("..") || path.split('/').all(|segment| !segment.starts_with('.')));
            }
        }
    }
}
