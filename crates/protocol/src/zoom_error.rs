//! Zoom's numbered OAuth errors as sentences.
//!
//! See <https://developers.zoom.us/docs/integrations/oauth-error-messages/>.

/// Number and sentence, in the order of the numbers.
pub const ZOOM_ERRORS: &[(u32, &str)] = &[
    (4700, "the redirect URL is not registered in the Marketplace, or the token is empty or may not do this"),
    (4702, "the client id is unknown or the app is not active"),
    (4704, "the client id is unknown or the app is not active"),
    (4705, "the app may not use this kind of grant"),
    (4706, "the client id or the kind of grant is missing"),
    (4709, "the redirect URL differs from the one that the authorization began with"),
    (4711, "the token lacks a scope that this call needs"),
    (4717, "the app is disabled"),
    (4724, "the token is not valid"),
    (4732, "Zoom could not make an authorization code; try again"),
    (4733, "the authorization code has expired after five minutes; start again"),
    (4734, "the authorization code is wrong or was used already; start again"),
    (4735, "the owner of the token is gone from Zoom"),
    (4737, "the authorization does not exist any more; add the app again"),
    (4738, "an administrator of this Zoom account has disabled the app"),
    (4740, "the token was replaced by a newer one"),
    (4741, "a newer authorization of the same user has replaced this one"),
];

/// The sentence for a number.
pub fn zoom_sentence(code: u32) -> Option<&'static str> {
    let at = ZOOM_ERRORS.binary_search_by_key(&code, |(number, _)| *number).ok()?;
    Some(ZOOM_ERRORS[at].1)
}

/// Finds one of Zoom's numbers in a text such as `Invalid redirect: https://… (4,700)`.
pub fn number_in(text: &str) -> Option<u32> {
    let digits = text.replace(',', "");
    digits
        .split(|character: char| !character.is_ascii_digit())
        .filter(|word| word.len() == 4)
        .filter_map(|word| word.parse().ok())
        .find(|number| zoom_sentence(*number).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_number_has_its_sentence() {
        assert!(ZOOM_ERRORS.is_sorted_by_key(|(number, _)| *number));
        for (number, sentence) in ZOOM_ERRORS {
            assert_eq!(zoom_sentence(*number), Some(*sentence));
        }
        assert_eq!(zoom_sentence(1), None);
    }

    #[test]
    fn a_number_is_found_with_and_without_zooms_comma() {
        assert_eq!(number_in("Invalid redirect: https://a.example/ (4,700)"), Some(4700));
        assert_eq!(number_in("error 4734"), Some(4734));
        assert_eq!(number_in("port 8080"), None);
    }
}
