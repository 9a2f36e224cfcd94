//! Signature version 1 of Alibaba's RPC style: HMAC-SHA1 over the sorted parameters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::{Digest, Sha1};

/// What Alibaba appends to the secret to make the key. Other vendors that took over the scheme use the bare secret.
pub const ALIBABA_KEY_SUFFIX: &str = "&";

/// Name of the parameter that carries the signature, the only one that is not signed.
pub const SIGNATURE: &str = "Signature";

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// `text` with everything but the unreserved characters of RFC 3986 as `%XX` of its UTF-8 bytes.
#[must_use]
pub fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The string that is signed for `method` and all parameters of query and form body together. Parameters with an
/// empty value take part; the signature itself does not.
#[must_use]
pub fn string_to_sign<'a>(method: &str, params: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut params: Vec<_> = params.into_iter().filter(|(name, _)| *name != SIGNATURE).collect();
    // By the bytes of the name before encoding, which for the names in use is the same as after it.
    params.sort_unstable();
    let canonical: Vec<String> = params
        .into_iter()
        .map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)))
        .collect();
    format!("{method}&%2F&{}", percent_encode(&canonical.join("&")))
}

/// Base64 of the HMAC-SHA1 of `string_to_sign` under the key `secret` + `key_suffix`.
#[must_use]
pub fn sign(secret: &[u8], key_suffix: &str, string_to_sign: &str) -> String {
    let mut mac = Hmac::<Sha1>::new(&block(secret, key_suffix));
    mac.update(string_to_sign.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The key as HMAC defines it (RFC 2104): filled with zeros to a block, or its digest when it is longer than one.
/// Made here because the library's way for keys of any length returns an error that cannot happen.
fn block(secret: &[u8], key_suffix: &str) -> Key<Hmac<Sha1>> {
    let mut block = Key::<Hmac<Sha1>>::default();
    if secret.len() + key_suffix.len() > block.len() {
        let digest = Sha1::new().chain_update(secret).chain_update(key_suffix).finalize();
        fill(&mut block, digest.iter());
    } else {
        fill(&mut block, secret.iter().chain(key_suffix.as_bytes()));
    }
    block
}

fn fill<'a>(block: &mut [u8], bytes: impl Iterator<Item = &'a u8>) {
    for (to, from) in block.iter_mut().zip(bytes) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_any_length_match_the_library() {
        for length in [0, 1, 62, 63, 64, 65, 200] {
            let secret = vec![b'k'; length];
            let mut mac = Hmac::<Sha1>::new_from_slice(&[&secret[..], b"&"].concat()).unwrap();
            mac.update(b"text");
            let expected = STANDARD.encode(mac.finalize().into_bytes());
            assert_eq!(sign(&secret, "&", "text"), expected, "length {length}");
        }
    }

    #[test]
    fn only_unreserved_characters_stay() {
        assert_eq!(
            percent_encode("aZ09-_.~ *+/=&%é研"),
            "aZ09-_.~%20%2A%2B%2F%3D%26%25%C3%A9%E7%A0%94"
        );
    }

    #[test]
    fn empty_values_are_signed_and_the_signature_is_not() {
        assert_eq!(
            string_to_sign("POST", [("b", ""), ("Signature", "x"), ("B", "1")]),
            "POST&%2F&B%3D1%26b%3D"
        );
    }
}
