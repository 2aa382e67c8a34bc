//! A connection to the first endpoint that answers, and the time that a command may take.

use std::time::Duration;

use detcd_api::Client;
use detcd_api::etcdserverpb::AuthenticateRequest;
use detcd_node::grpc::{self, Channel, KeepAlive};
use detcd_node::runtime::tokio::{TcpNetwork, TokioRuntime};
use http::Uri;
use openraft_rt::AsyncRuntime;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Response, Status};

use crate::cli::Global;
use crate::failure::Failure;

/// Between two attempts at the endpoints.
const PAUSE: Duration = Duration::from_millis(100);
/// What etcdctl says when time is up.
const TIME_IS_UP: &str = "context deadline exceeded";

/// Says with each request who asks, if anybody in particular.
#[derive(Debug, Clone, Default)]
pub struct Token(Option<MetadataValue<Ascii>>);

impl Interceptor for Token {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("token", token.clone());
        }
        Ok(request)
    }
}

/// A client, and how long it may take.
#[derive(Debug, Clone)]
pub struct Session {
    /// The client.
    pub client: Client<InterceptedService<Channel, Token>>,
    limit: Duration,
}

impl Session {
    /// Connects to the first of the endpoints that answers.
    pub async fn open(global: &Global) -> Result<Self, Failure> {
        Self::open_any(&global.endpoints, global).await
    }

    /// Connects to one endpoint.
    pub async fn open_one(endpoint: &str, global: &Global) -> Result<Self, Failure> {
        Self::open_any(&[endpoint.to_owned()], global).await
    }

    async fn open_any(endpoints: &[String], global: &Global) -> Result<Self, Failure> {
        let attempts = async {
            let mut told = false;
            loop {
                for endpoint in endpoints {
                    match connect(endpoint, global).await {
                        Ok(channel) => return channel,
                        // Each endpoint's reason once; the error itself says only that time is up.
                        Err(reason) if !told => eprintln!("Warning: {reason}"),
                        Err(_) => {}
                    }
                }
                told = true;
                TokioRuntime::sleep(PAUSE).await;
            }
        };
        let connected = TokioRuntime::timeout(global.limit(), attempts).await;
        let channel = connected.map_err(|_| Failure::error(TIME_IS_UP))?;
        let session = Self::over(channel.clone(), Token::default(), global);
        let Some((name, password)) = credentials(global)? else { return Ok(session) };
        let request = AuthenticateRequest { name, password };
        let answer = session.answer(session.client.auth().authenticate(request)).await;
        let token = answer.map_err(Failure::of_connection)?.token;
        let token = token.parse().map_err(|_| Failure::connection("the token makes no sense"))?;
        Ok(Self::over(channel, Token(Some(token)), global))
    }

    fn over(channel: Channel, token: Token, global: &Global) -> Self {
        let channel = InterceptedService::new(channel, token);
        let client = Client::new(channel, Uri::from_static("http://etcd"));
        Self { client, limit: global.limit() }
    }

    /// Waits for an answer, as long as the command may take.
    pub async fn answer<T: Send>(
        &self,
        request: impl Future<Output = Result<Response<T>, Status>> + Send,
    ) -> Result<T, Failure> {
        match TokioRuntime::timeout(self.limit, request).await {
            Ok(answer) => Ok(answer?.into_inner()),
            Err(_) => Err(Failure::error(TIME_IS_UP)),
        }
    }
}

/// Who asks, with the password that is known, or else typed.
fn credentials(global: &Global) -> Result<Option<(String, String)>, Failure> {
    let user = global.user.as_str();
    if user.is_empty() {
        return Ok(None);
    }
    if !global.password.is_empty() {
        return Ok(Some((user.to_owned(), global.password.clone())));
    }
    match user.split_once(':') {
        Some((name, password)) => Ok(Some((name.to_owned(), password.to_owned()))),
        None => {
            eprint!("Password: ");
            let mut line = String::new();
            let read = std::io::stdin().read_line(&mut line);
            read.map_err(|error| Failure::error(error.to_string()))?;
            Ok(Some((user.to_owned(), line.trim_end_matches(['\r', '\n']).to_owned())))
        }
    }
}

/// Shortest time between two pings.
const PING_INTERVAL_MIN: Duration = Duration::from_secs(10);

async fn connect(endpoint: &str, global: &Global) -> Result<Channel, String> {
    let address = address(endpoint)?;
    // Servers send away who pings more often (G96), so gRPC's clients in Go never do, whatever they are told.
    let interval = global.keepalive_time.max(PING_INTERVAL_MIN);
    let keep_alive = KeepAlive { interval, timeout: global.keepalive_timeout, while_idle: false };
    let connecting = grpc::connect::<TokioRuntime>(&TcpNetwork, &address, keep_alive);
    match TokioRuntime::timeout(global.dial_timeout, connecting).await {
        Ok(channel) => channel.map_err(|error| error.to_string()),
        Err(_) => Err(format!("connecting to {address} took too long")),
    }
}

/// `host:port` of an endpoint, which may have a scheme.
fn address(endpoint: &str) -> Result<String, String> {
    if endpoint.starts_with("https://") {
        return Err(format!("{endpoint}: TLS is not built yet"));
    }
    let address = endpoint.strip_prefix("http://").unwrap_or(endpoint).trim_end_matches('/');
    Ok(if address.contains(':') { address.to_owned() } else { format!("{address}:2379") })
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn an_endpoint_may_have_a_scheme() {
        assert_eq!(address("http://localhost:12379/").unwrap(), "localhost:12379");
        assert_eq!(address("127.0.0.1").unwrap(), "127.0.0.1:2379");
        assert!(address("https://a:1").is_err());
    }
}
