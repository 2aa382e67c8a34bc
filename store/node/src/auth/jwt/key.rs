//! The keys of signed tokens: read from PEM files, or for HMAC any bytes.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};

/// Why tokens cannot be signed or looked at with these keys; etcd's words where it has some of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No such method, or one that the library does not have.
    #[error("auth: invalid auth options: sign-method {0:?} is not known")]
    Method(String),
    /// Neither key is given, or not the one that the method needs.
    #[error("missing key data")]
    Missing,
    /// The keys are not two halves of one.
    #[error("public and private keys don't match")]
    Mismatch,
    /// A key is not what the method needs.
    #[error("the {0} key cannot be used: {1}")]
    Unusable(&'static str, String),
}

/// etcd's name of a method.
pub(super) fn algorithm(method: &str) -> Result<Algorithm, KeyError> {
    Ok(match method {
        "HS256" => Algorithm::HS256,
        "HS384" => Algorithm::HS384,
        "HS512" => Algorithm::HS512,
        "RS256" => Algorithm::RS256,
        "RS384" => Algorithm::RS384,
        "RS512" => Algorithm::RS512,
        "PS256" => Algorithm::PS256,
        "PS384" => Algorithm::PS384,
        "PS512" => Algorithm::PS512,
        "ES256" => Algorithm::ES256,
        "ES384" => Algorithm::ES384,
        "EdDSA" => Algorithm::EdDSA,
        other => return Err(KeyError::Method(other.to_owned())),
    })
}

/// What signs, if it is given, and what checks.
pub(super) struct Keys {
    pub(super) private: Option<EncodingKey>,
    pub(super) public: DecodingKey,
}

impl Keys {
    pub(super) fn new(
        algorithm: Algorithm,
        public: &[u8],
        private: &[u8],
    ) -> Result<Self, KeyError> {
        if algorithm.family() == AlgorithmFamily::Hmac {
            if private.is_empty() {
                return Err(KeyError::Missing);
            }
            let public = DecodingKey::from_secret(private);
            return Ok(Self { private: Some(EncodingKey::from_secret(private)), public });
        }
        let read = |given: &[u8]| (!given.is_empty()).then(|| given.to_vec());
        let public = read(public).map(|pem| public_key(algorithm, &pem)).transpose()?;
        let private = read(private).map(|pem| private_key(algorithm, &pem)).transpose()?;
        match (public, private) {
            (None, None) => Err(KeyError::Missing),
            (Some(public), None) => {
                // A key of another kind would refuse every token without a word.
                try_out(algorithm, &public)?;
                Ok(Self { private: None, public })
            }
            (public, Some(private)) => {
                let own = half(algorithm, &private)?;
                let public = public.unwrap_or_else(|| own.clone());
                fits(algorithm, &private, &public)?;
                Ok(Self { private: Some(private), public })
            }
        }
    }
}

fn unusable(which: &'static str) -> impl Fn(jsonwebtoken::errors::Error) -> KeyError {
    move |error| KeyError::Unusable(which, error.to_string())
}

fn public_key(algorithm: Algorithm, pem: &[u8]) -> Result<DecodingKey, KeyError> {
    let read = match algorithm.family() {
        AlgorithmFamily::Rsa => DecodingKey::from_rsa_pem,
        AlgorithmFamily::Ec => DecodingKey::from_ec_pem,
        _ => DecodingKey::from_ed_pem,
    };
    read(pem).map_err(unusable("public"))
}

fn private_key(algorithm: Algorithm, pem: &[u8]) -> Result<EncodingKey, KeyError> {
    let read = match algorithm.family() {
        AlgorithmFamily::Rsa => EncodingKey::from_rsa_pem,
        AlgorithmFamily::Ec => match bare_ec_key(pem) {
            Some(bare) => return Ok(EncodingKey::from_ec_der(&wrapped(algorithm, &bare))),
            None => EncodingKey::from_ec_pem,
        },
        _ => EncodingKey::from_ed_pem,
    };
    read(pem).map_err(unusable("private"))
}

/// The public half of a private key.
fn half(algorithm: Algorithm, private: &EncodingKey) -> Result<DecodingKey, KeyError> {
    let jwk = Jwk::from_encoding_key(private, algorithm).map_err(unusable("private"))?;
    DecodingKey::from_jwk(&jwk).map_err(unusable("private"))
}

/// Whether what one key signs the other one takes.
fn fits(algorithm: Algorithm, private: &EncodingKey, public: &DecodingKey) -> Result<(), KeyError> {
    let message = b"whoever signs this";
    let signature = jsonwebtoken::crypto::sign(message, private, algorithm);
    let signature = signature.map_err(unusable("private"))?;
    let checked = jsonwebtoken::crypto::verify(&signature, message, public, algorithm);
    match checked.map_err(unusable("public"))? {
        true => Ok(()),
        false => Err(KeyError::Mismatch),
    }
}

fn try_out(algorithm: Algorithm, public: &DecodingKey) -> Result<(), KeyError> {
    let checked = jsonwebtoken::crypto::verify("AAAA", b"", public, algorithm);
    checked.map(|_| ()).map_err(unusable("public"))
}

/// What is in an `EC PRIVATE KEY`, as `openssl ecparam` writes it beside other blocks. The library takes
/// only the form that names its curve outside.
fn bare_ec_key(pem: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(pem).ok()?;
    let (_, rest) = text.split_once("-----BEGIN EC PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END EC PRIVATE KEY-----")?;
    super::super::decode_base64(&body.split_whitespace().collect::<String>())
}

/// A bare key in the form that names its curve (PKCS #8): version 0, curve, key.
fn wrapped(algorithm: Algorithm, bare: &[u8]) -> Vec<u8> {
    const EC_PUBLIC_KEY: [u8; 9] = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    const P384: [u8; 7] = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
    const VERSION: [u8; 3] = [0x02, 0x01, 0x00];
    const SEQUENCE: u8 = 0x30;
    const OCTETS: u8 = 0x04;
    let curve: &[u8] = if algorithm == Algorithm::ES256 { &P256 } else { &P384 };
    let kind = der(SEQUENCE, &[&EC_PUBLIC_KEY[..], curve].concat());
    der(SEQUENCE, &[&VERSION[..], &kind, &der(OCTETS, bare)].concat())
}

/// A tag, a length, and what it is the length of.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    let mut bytes = vec![tag];
    match length {
        [0, short] if short < 0x80 => bytes.push(short),
        [0, short] => bytes.extend([0x81, short]),
        [high, low] => bytes.extend([0x82, high, low]),
    }
    bytes.extend(content);
    bytes
}
