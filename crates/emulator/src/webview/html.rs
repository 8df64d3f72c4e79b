//! Swaps Zoom's SDK for the stand-in in documents.

use std::borrow::Cow;

/// Where the stand-in is served on the web view's own origin.
pub(super) const STAND_IN: &str = "/~emulator/appssdk/sdk.js";

/// Where Zoom serves its SDK.
pub(super) const ZOOM_SDK: &str = "https://appssdk.zoom.us/";

/// The document with the `src` of plain `<script>` tags of Zoom's SDK replaced. A tag with `integrity` is left alone:
/// it asks for these very bytes.
pub(super) fn swap_sdk(html: &str) -> Cow<'_, str> {
    if !html.contains(ZOOM_SDK) {
        return Cow::Borrowed(html);
    }
    let mut swapped = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = find_script(rest) {
        let (before, tag_on) = rest.split_at(start);
        let end = tag_on.find('>').map_or(tag_on.len(), |end| end + 1);
        let (tag, after) = tag_on.split_at(end);
        swapped.push_str(before);
        swapped.push_str(&swap_tag(tag));
        rest = after;
    }
    swapped.push_str(rest);
    Cow::Owned(swapped)
}

/// Whether a document asks for Zoom's SDK.
pub(super) fn asks_for_sdk(html: &str) -> bool {
    html.contains(ZOOM_SDK)
}

fn find_script(html: &str) -> Option<usize> {
    const OPENING: &[u8] = b"<script";
    html.as_bytes().windows(OPENING.len()).position(|window| window.eq_ignore_ascii_case(OPENING))
}

fn swap_tag(tag: &str) -> Cow<'_, str> {
    let Some(start) = tag.find(ZOOM_SDK) else { return Cow::Borrowed(tag) };
    if tag.to_ascii_lowercase().contains("integrity") {
        return Cow::Borrowed(tag);
    }
    let address = &tag[start..];
    let end = address.find(['"', '\'', '>', ' ', '\t', '\n', '\r']).unwrap_or(address.len());
    let path = address[..end].split('?').next().unwrap_or_default();
    if path.rsplit('.').next() != Some("js") {
        return Cow::Borrowed(tag);
    }
    Cow::Owned(format!("{}{STAND_IN}{}", &tag[..start], &address[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_tag_of_zooms_sdk_gets_the_stand_in() {
        let html =
            "<p>https://appssdk.zoom.us/sdk.js</p><SCRIPT defer src='https://appssdk.zoom.us/sdk.min.js'></SCRIPT>";
        let swapped = "<p>https://appssdk.zoom.us/sdk.js</p><SCRIPT defer src='/~emulator/appssdk/sdk.js'></SCRIPT>";
        assert_eq!(swap_sdk(html), swapped);
    }

    #[test]
    fn a_tag_with_integrity_is_left_alone() {
        let html = r#"<script src="https://appssdk.zoom.us/sdk.js" integrity="sha384-x"></script>"#;
        assert_eq!(swap_sdk(html), html);
    }

    #[test]
    fn other_scripts_and_cut_off_tags_are_left_alone() {
        for html in ["<script src=/app.js></script>", "<script", "<script src=https://appssdk.zoom.us/", "é<script>"] {
            assert_eq!(swap_sdk(html), html);
        }
    }
}
