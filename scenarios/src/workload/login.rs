//! Clients that say who they are.

use std::time::Duration;

use detcd_api::Client;
use detcd_api::etcdserverpb::AuthenticateRequest;
use detcd_node::grpc::Channel;
use openraft_rt::AsyncRuntime;
use sim::SimRuntime;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Status};

/// No member looks at it, but HTTP/2 wants one.
const ORIGIN: &str = "http://detcd";

/// A user of the store, whose password is its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login(String);

impl Login {
    /// Who may do everything.
    pub fn root() -> Self {
        Self("root".to_owned())
    }

    /// One of the users of the workload.
    pub fn user(number: u64) -> Self {
        Self(format!("user-{number}"))
    }

    /// The name, and the password.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// Says with each request who sends it, if anybody in particular.
#[derive(Debug, Clone, Default)]
pub(super) struct Token(Option<MetadataValue<Ascii>>);

impl Interceptor for Token {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("token", token.clone());
        }
        Ok(request)
    }
}

/// A client that says who it is.
pub(super) type Caller = Client<InterceptedService<Channel, Token>>;

/// The client side of a connection.
pub(super) fn client(channel: Channel, token: Token) -> Caller {
    Client::new(InterceptedService::new(channel, token), http::Uri::from_static(ORIGIN))
}

/// Asks for a token; nobody needs one.
pub(super) async fn authenticate(
    channel: Channel,
    login: Option<&Login>,
    patience: Duration,
) -> Option<Token> {
    let Some(login) = login else { return Some(Token::default()) };
    let client = client(channel, Token::default());
    let request = AuthenticateRequest { name: login.0.clone(), password: login.0.clone() };
    let mut auth = client.auth();
    let answer = SimRuntime::timeout(patience, auth.authenticate(request)).await.ok()?.ok()?;
    Some(Token(Some(answer.into_inner().token.parse().ok()?)))
}
