//! Plain HTTP: what load balancers, probes and people ask (H1 to H7).

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Response, StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::any;
use detcd_machine::{Range, Requester};

use super::probe::{self, Check};
use super::{convert, status};
use crate::replica::Replica;
use crate::runtime::Runtime;
use crate::version;

const TEXT: [(header::HeaderName, &str); 2] = [
    (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// The routes.
pub(super) fn router<R: Runtime>(replica: Replica<R>) -> Router {
    let mut router = Router::new()
        .route("/health", any(health::<R>))
        .route("/version", any(versions::<R>))
        .route("/livez", any(livez::<R>))
        .route("/readyz", any(readyz::<R>));
    for check in Check::LIVE {
        router = router.route(&format!("/livez/{}", check.name()), any(single::<R>));
    }
    for check in Check::READY {
        router = router.route(&format!("/readyz/{}", check.name()), any(single::<R>));
    }
    router.with_state(replica)
}

/// H1. Healthy is who has a leader and can read.
async fn health<R: Runtime>(
    State(replica): State<Replica<R>>,
    method: Method,
    uri: Uri,
) -> Response<Body> {
    if method != Method::GET {
        return only_get();
    }
    let serializable = query(&uri).any(|pair| pair == ("serializable", "true"));
    let alarm = replica
        .alarms()
        .into_iter()
        .map(|alarm| convert::kind_name(alarm.kind))
        .find(|kind| !query(&uri).any(|pair| pair == ("exclude", *kind)));
    let reason = if let Some(kind) = alarm {
        Some(format!("ALARM {kind}"))
    } else if !serializable && replica.status().leader == 0 {
        Some("RAFT NO LEADER".to_owned())
    } else {
        let read = read(&replica, serializable).await;
        read.err().map(|error| format!("RANGE ERROR:{error}"))
    };
    match reason {
        None => (TEXT, health_body(true, "")).into_response(),
        Some(reason) => {
            let body = health_body(false, &reason) + "\n";
            (StatusCode::SERVICE_UNAVAILABLE, TEXT, body).into_response()
        }
    }
}

fn health_body(healthy: bool, reason: &str) -> String {
    serde_json::json!({ "health": healthy.to_string(), "reason": reason }).to_string()
}

/// Reads a key, whether it exists or not.
pub(super) async fn read<R: Runtime>(
    replica: &Replica<R>,
    serializable: bool,
) -> Result<(), detcd_api::Error> {
    if !serializable {
        replica.read_barrier().await.map_err(status::unavailable)?;
    }
    let range = Range { key: "a".into(), limit: 1, ..Default::default() };
    replica.range(&Requester::Member, range).await.map(|_| ()).map_err(status::range)
}

/// H7. Before a leader has set it a member does not know what its cluster agreed on.
async fn versions<R: Runtime>(State(replica): State<Replica<R>>, method: Method) -> Response<Body> {
    if method != Method::GET {
        return only_get();
    }
    let (cluster, storage) = match replica.cluster_version() {
        None => ("not_decided".to_owned(), "unknown"),
        Some(version) => (format!("{version}.0"), version::STORAGE_VERSION),
    };
    let body = serde_json::json!({
        "etcdserver": version::ETCD_COMPATIBLE_VERSION,
        "etcdcluster": cluster,
        "storage": storage,
    });
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

async fn livez<R: Runtime>(
    State(replica): State<Replica<R>>,
    method: Method,
    uri: Uri,
) -> Response<Body> {
    checks(&replica, &method, &uri, Check::LIVE).await
}

async fn readyz<R: Runtime>(
    State(replica): State<Replica<R>>,
    method: Method,
    uri: Uri,
) -> Response<Body> {
    checks(&replica, &method, &uri, Check::READY).await
}

/// H4: the last part of the path is the name of the check.
async fn single<R: Runtime>(
    State(replica): State<Replica<R>>,
    method: Method,
    uri: Uri,
) -> Response<Body> {
    let name = uri.path().rsplit('/').next();
    let check = Check::READY.iter().find(|check| Some(check.name()) == name);
    checks(&replica, &method, &uri, check.map_or(&[], std::slice::from_ref)).await
}

/// H2, H3 and H5.
async fn checks<R: Runtime>(
    replica: &Replica<R>,
    method: &Method,
    uri: &Uri,
    checks: &[Check],
) -> Response<Body> {
    if method != Method::GET {
        return only_get();
    }
    let excluded: Vec<_> =
        query(uri).filter(|(name, _)| *name == "exclude").map(|(_, name)| name).collect();
    let verbose = query(uri).any(|(name, _)| name == "verbose");
    let checks = checks.iter().filter(|check| !excluded.contains(&check.name()));
    let report = probe::run(replica, checks).await;
    match (report.passed, verbose) {
        (true, false) => (TEXT, "ok\n".to_owned()).into_response(),
        (true, true) => (TEXT, report.lines + "ok\n").into_response(),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, TEXT, report.lines).into_response(),
    }
}

fn only_get() -> Response<Body> {
    let allow = [(header::ALLOW, "GET")];
    (StatusCode::METHOD_NOT_ALLOWED, allow, TEXT, "Method Not Allowed\n").into_response()
}

/// The parameters of a query; their names and values need no escapes here.
fn query(uri: &Uri) -> impl Iterator<Item = (&str, &str)> {
    let pairs = uri.query().unwrap_or_default().split('&');
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}
