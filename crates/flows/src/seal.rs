//! Sealing: everything that leaves the process and comes back is encrypted and authenticated.
//!
//! One master secret (and previous ones, which only open) yields a key for each [`Purpose`] by HKDF-SHA-256
//! (RFC 5869). A sealed value is `[version 1][key id 4][nonce 12][ciphertext][tag 16]`, AES-256-GCM-SIV (RFC 8452):
//! with random nonces it stays safe at any number of messages that a deployment can make, also when a
//! virtual machine is cloned and repeats a nonce. Version and key id are authenticated together with the
//! associated data, which names what is sealed and where it lies.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use stagedoor_protocol::secret;
use zeroize::Zeroizing;

use crate::port::Entropy;

secret! {
    /// The secret of a deployment, from which every key of ours derives.
    pub struct MasterSecret;
}

impl MasterSecret {
    /// The shortest secret that is taken, in bytes.
    pub const MIN: usize = 32;
}

/// What a key is for. Keys of different purposes are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Records in the store.
    Record,
    /// Session cookies.
    Session,
    /// The cookie that binds an install to a browser.
    Install,
    /// The key that signs identity assertions.
    Assertion,
    /// The key that signs the webhooks that are passed on.
    Forward,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Record => b"stagedoor record v1",
            Self::Session => b"stagedoor session v1",
            Self::Install => b"stagedoor install v1",
            Self::Assertion => b"stagedoor assertion v1",
            Self::Forward => b"stagedoor forward v1",
        }
    }
}

/// Names a list of values, as a text that tells nothing about them to whoever has not the secret.
pub fn fingerprint(secret: &MasterSecret, parts: &[&[u8]]) -> Result<String, TooShort> {
    let name = expand::<16>(&extract(secret)?, &[b"stagedoor fingerprint v1", &associated(&[], parts)]);
    Ok(name.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
}

/// The value was not sealed by us for this place, or was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed value does not open")]
pub struct DoesNotOpen;

/// The secret is shorter than [`MasterSecret::MIN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret has at least {} bytes", MasterSecret::MIN)]
pub struct TooShort;

/// Seals and opens values of one purpose: the first key seals, any key opens.
pub struct Sealer {
    keys: Vec<Key>,
}

struct Key {
    id: [u8; 4],
    aead: LessSafeKey,
}

const VERSION: u8 = 1;
const HEAD: usize = 1 + 4;
const TAG: usize = 16;

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({} keys)", self.keys.len())
    }
}

impl Sealer {
    /// Derives the keys of `purpose` from the current secret and the previous ones.
    pub fn new(current: &MasterSecret, previous: &[MasterSecret], purpose: Purpose) -> Result<Self, TooShort> {
        let keys = std::iter::once(current).chain(previous).map(|secret| Key::derive(secret, purpose));
        Ok(Self { keys: keys.collect::<Result<_, _>>()? })
    }

    /// Seals `plaintext`, bound to the parts of `place`.
    pub fn seal(&self, place: &[&[u8]], plaintext: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
        let key = &self.keys[0];
        let nonce: [u8; NONCE_LEN] = entropy.bytes();
        let mut sealed = Vec::with_capacity(HEAD + NONCE_LEN + plaintext.len() + TAG);
        sealed.push(VERSION);
        sealed.extend_from_slice(&key.id);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let aad = associated(&sealed[..HEAD], place);
        let tag = key
            .aead
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(&aad),
                &mut sealed[HEAD + NONCE_LEN..],
            )
            .expect("a sealed value is far smaller than the limit of the cipher");
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// Opens what [`Sealer::seal`] made with the same secret (or one that is a previous secret now) and `place`.
    pub fn open(&self, place: &[&[u8]], sealed: &[u8]) -> Result<Vec<u8>, DoesNotOpen> {
        let (head, rest) = sealed.split_at_checked(HEAD).ok_or(DoesNotOpen)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>().ok_or(DoesNotOpen)?;
        if head[0] != VERSION {
            return Err(DoesNotOpen);
        }
        let aad = associated(head, place);
        self.keys
            .iter()
            .filter(|key| key.id == head[1..])
            .find_map(|key| key.open(*nonce, &aad, ciphertext))
            .ok_or(DoesNotOpen)
    }

    /// Whether there are previous secrets, with which something may still be sealed.
    pub fn has_previous(&self) -> bool {
        self.keys.len() > 1
    }

    /// Whether `sealed` was made with a previous secret and should be sealed anew.
    pub fn is_outdated(&self, sealed: &[u8]) -> bool {
        sealed.get(1..HEAD).is_some_and(|id| id != self.keys[0].id)
    }
}

impl Key {
    fn derive(secret: &MasterSecret, purpose: Purpose) -> Result<Self, TooShort> {
        let prk = extract(secret)?;
        let mut id = [0; 4];
        id.copy_from_slice(&*expand::<4>(&prk, &[purpose.label(), b"id"]));
        let key = expand::<32>(&prk, &[purpose.label(), b"key"]);
        let key = UnboundKey::new(&AES_256_GCM_SIV, &*key).expect("32 bytes are an AES-256 key");
        Ok(Self { id, aead: LessSafeKey::new(key) })
    }

    fn open(&self, nonce: [u8; NONCE_LEN], aad: &[u8], ciphertext: &[u8]) -> Option<Vec<u8>> {
        let mut buffer = ciphertext.to_vec();
        let length =
            self.aead.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut buffer).ok()?.len();
        buffer.truncate(length);
        Some(buffer)
    }
}

/// Derives 32 bytes of key material for `purpose`; `counter` gives further ones, where a value is not usable.
pub(crate) fn derive_scalar(
    secret: &MasterSecret,
    purpose: Purpose,
    counter: u8,
) -> Result<Zeroizing<[u8; 32]>, TooShort> {
    Ok(expand::<32>(&extract(secret)?, &[purpose.label(), b"scalar", &[counter]]))
}

fn extract(secret: &MasterSecret) -> Result<Prk, TooShort> {
    if secret.expose().len() < MasterSecret::MIN {
        return Err(TooShort);
    }
    Ok(Salt::new(HKDF_SHA256, b"stagedoor").extract(secret.expose().as_bytes()))
}

fn expand<const N: usize>(prk: &Prk, info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut out = Zeroizing::new([0; N]);
    prk.expand(info, Length(N)).and_then(|okm| okm.fill(&mut *out)).expect("HKDF-SHA-256 gives up to 8,160 bytes");
    out
}

/// Length-prefixed, so that no two lists of parts have the same bytes.
fn associated(head: &[u8], place: &[&[u8]]) -> Vec<u8> {
    let mut aad = Vec::with_capacity(HEAD + place.iter().map(|part| part.len() + 8).sum::<usize>());
    aad.extend_from_slice(head);
    for part in place {
        aad.extend_from_slice(&(part.len() as u64).to_le_bytes());
        aad.extend_from_slice(part);
    }
    aad
}
