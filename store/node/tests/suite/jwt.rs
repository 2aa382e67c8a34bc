//! Signed tokens: every method with keys as etcd takes them, what is refused, and tokens that a real etcd
//! has made (G80, F85).
//!
//! The keys in `jwt/` were made with openssl for these tests; `etcd-3.5.1.txt` has tokens that an etcd
//! 3.5.1 gave to its user `root` at auth revision 4 with the same keys, good for a hundred years.

#![expect(clippy::disallowed_methods, reason = "keys are files")]

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use detcd_machine::Requester;
use detcd_node::auth::{KeyError, Owner, TokenError, Tokens};
use detcd_node::config::{AuthToken, Config, JwtOptions};
use detcd_node::runtime::tokio::TokioRuntime;

fn file(name: &str) -> Vec<u8> {
    if name.is_empty() {
        return Vec::new();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/jwt").join(name);
    std::fs::read(path).unwrap()
}

fn tokens(method: &str, public: &str, private: &str) -> Result<Tokens<TokioRuntime>, KeyError> {
    let options = JwtOptions {
        method: method.to_owned(),
        public_key: file(public),
        private_key: file(private),
        ttl: Duration::from_secs(300),
    };
    Tokens::new(&Config { auth_token: AuthToken::Jwt(options), ..Config::default() })
}

fn alice(auth_revision: u64) -> Owner {
    Owner::Requester(Requester::User { name: "alice".to_owned(), auth_revision })
}

fn owner(tokens: &Tokens<TokioRuntime>, token: &str) -> Owner {
    tokens.owner(token.as_bytes(), 0)
}

/// Methods with a public and a private key.
const METHODS: [(&str, &str, &str); 13] = [
    ("RS256", "rsa.pub", "rsa.key"),
    ("RS384", "rsa.pub", "rsa.key"),
    ("RS512", "rsa.pub", "rsa.key"),
    ("RS256", "rsa-other.pub", "rsa-pkcs1.key"),
    ("PS256", "rsa.pub", "rsa.key"),
    ("PS384", "rsa.pub", "rsa.key"),
    ("PS512", "rsa-other.pub", "rsa-pkcs1.key"),
    ("ES256", "p256.pub", "p256.key"),
    ("ES384", "p384.pub", "p384.key"),
    ("EdDSA", "ed.pub", "ed.key"),
    ("HS256", "", "hmac.key"),
    ("HS384", "", "hmac.key"),
    ("HS512", "", "hmac.key"),
];

#[test]
fn g80_whoever_has_the_key_knows_the_token() {
    for (method, public, private) in METHODS {
        let alone = tokens(method, "", private).unwrap();
        let both = tokens(method, public, private).unwrap();
        for signs in [&alone, &both] {
            let token = signs.issued("", 7, "alice", 3).unwrap();
            for looks in [&alone, &both] {
                assert_eq!(owner(looks, &token), alice(3), "{method} with {private}");
            }
            if !public.is_empty() {
                assert_eq!(owner(&tokens(method, public, "").unwrap(), &token), alice(3));
            }
        }
    }
}

#[test]
fn g80_the_claims_have_etcds_names() {
    let tokens = tokens("HS256", "", "hmac.key").unwrap();
    let token = tokens.issued("", 7, "alice", 3).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let json = |part: &str| -> serde_json::Value {
        serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap()
    };
    assert_eq!(json(parts[0]), serde_json::json!({ "alg": "HS256", "typ": "JWT" }));
    let mut claims = json(parts[1]);
    let ends = claims.as_object_mut().unwrap().remove("exp").unwrap();
    assert!(ends.is_u64(), "{ends}");
    assert_eq!(claims, serde_json::json!({ "username": "alice", "revision": 3 }));
}

#[test]
fn g80_tokens_of_a_real_etcd_are_known() {
    let text = String::from_utf8(file("etcd-3.5.1.txt")).unwrap();
    let root = Owner::Requester(Requester::User { name: "root".to_owned(), auth_revision: 4 });
    let mut count = 0;
    for (method, token) in text.lines().map(|line| line.split_once(' ').unwrap()) {
        let (_, public, private) = METHODS.into_iter().find(|known| known.0 == method).unwrap();
        let tokens = tokens(method, public, private).unwrap();
        assert_eq!(owner(&tokens, token), root, "{method}");
        count += 1;
    }
    assert_eq!(count, 5);
}

#[test]
fn a_key_that_only_looks_gives_no_tokens() {
    for (method, public, _) in METHODS.into_iter().filter(|(_, public, _)| !public.is_empty()) {
        let refused = tokens(method, public, "").unwrap().issued("", 7, "alice", 3).unwrap_err();
        assert_eq!(refused, TokenError::VerifyOnly);
        assert_eq!(refused.to_string(), "auth: token signing attempted with verify-only key");
    }
}

#[test]
fn what_was_changed_or_signed_otherwise_is_nobodys() {
    let signer = |method: &str, key: &str| tokens(method, "", key).unwrap();
    let ours = signer("RS256", "rsa.key");
    let token = ours.issued("", 7, "alice", 3).unwrap();
    let [header, claims, signature] =
        <[&str; 3]>::try_from(token.split('.').collect::<Vec<_>>()).unwrap();
    let encode = |text: &str| BASE64.encode(text);
    let root = encode(r#"{"username":"root","revision":3,"exp":4948874252}"#);
    let unsigned = encode(r#"{"alg":"none","typ":"JWT"}"#);
    // The public key as if it were a secret: the oldest trick there is.
    let hmac = JwtOptions {
        method: "HS256".to_owned(),
        public_key: Vec::new(),
        private_key: file("rsa.pub"),
        ttl: Duration::from_secs(300),
    };
    let config = Config { auth_token: AuthToken::Jwt(hmac), ..Config::default() };
    let confused = Tokens::<TokioRuntime>::new(&config).unwrap().issued("", 7, "root", 3).unwrap();
    for bad in [
        String::new(),
        "..".to_owned(),
        format!("{header}.{claims}"),
        format!("{header}.{claims}."),
        format!("{header}.{root}.{signature}"),
        format!("{unsigned}.{root}."),
        format!("{unsigned}.{root}.{signature}"),
        format!("{token}x"),
        confused,
        signer("RS512", "rsa.key").issued("", 7, "alice", 3).unwrap(),
        signer("PS256", "rsa.key").issued("", 7, "alice", 3).unwrap(),
        signer("RS256", "rsa-pkcs1.key").issued("", 7, "alice", 3).unwrap(),
        "abcdefghijklmnop.7".to_owned(),
    ] {
        assert_eq!(owner(&ours, &bad), Owner::Nobody, "{bad}");
    }
    assert_eq!(ours.owner(&[0xff, b'.', b'.'], 0), Owner::Nobody);
    assert_eq!(owner(&ours, &token), alice(3), "the token itself is as good as before");
}

#[test]
fn e74_keys_that_do_not_fit_are_refused_when_the_member_starts() {
    let refused =
        |method, public, private| tokens(method, public, private).unwrap_err().to_string();
    assert_eq!(refused("HS256", "", ""), "missing key data");
    assert_eq!(refused("RS256", "", ""), "missing key data");
    let mismatch = "public and private keys don't match";
    assert_eq!(refused("RS256", "rsa-other.pub", "rsa.key"), mismatch);
    for method in ["none", "rs256", "ES512", "", "HS1"] {
        let text = refused(method, "", "hmac.key");
        assert!(text.starts_with("auth: invalid auth options"), "{method}: {text}");
    }
    for (method, public, private) in [
        ("RS256", "", "hmac.key"),
        ("RS256", "", "p256.key"),
        ("RS256", "p256.pub", ""),
        ("ES256", "", "rsa.key"),
        ("ES256", "rsa.pub", ""),
        ("ES256", "", "p384.key"),
        ("ES256", "p384.pub", ""),
        ("ES384", "", "p256.key"),
        ("EdDSA", "", "rsa.key"),
        ("EdDSA", "p256.pub", ""),
    ] {
        let text = refused(method, public, private);
        assert!(text.contains("key cannot be used"), "{method} {public} {private}: {text}");
    }
}
