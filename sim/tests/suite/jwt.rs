//! Signed tokens in a cluster: any member knows them, also one that has just come back, until they end by
//! the clock or users change (G80, G81; E41, E43).

use std::time::Duration;

use detcd_api::Client;
use detcd_api::etcdserverpb::{
    AuthEnableRequest, AuthRoleAddRequest, AuthUserAddRequest, AuthUserGrantRoleRequest,
    AuthenticateRequest, PutRequest,
};
use detcd_node::config::{AuthToken, Config, JwtOptions};
use detcd_node::grpc::Channel;
use openraft_rt::AsyncRuntime;
use sim::network::NetworkOptions;
use sim::{ClientHost, Cluster, ClusterConfig, SimRuntime, Trace, World, run};
use tonic::{Request, Status};

type R = SimRuntime;

const SECOND: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(2);
const TTL: Duration = Duration::from_secs(60);

async fn client(host: &ClientHost, member: usize) -> Client<Channel> {
    loop {
        if let Ok(channel) = host.connect(member, LIMIT).await {
            return Client::new(channel, http::Uri::from_static("http://member"));
        }
        R::sleep(SECOND / 10).await;
    }
}

fn with<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("token", token.parse().expect("it is text"));
    request
}

async fn put(host: &ClientHost, member: usize, token: &str) -> Result<(), Status> {
    let put = PutRequest { key: "k".into(), ..Default::default() };
    let client = client(host, member).await;
    client.kv().put(with(token, put)).await.map(|_| ())
}

fn name() -> String {
    "root".to_owned()
}

async fn login(host: &ClientHost, member: usize) -> String {
    let request = AuthenticateRequest { name: name(), password: name() };
    let answer = client(host, member).await.auth().authenticate(request).await;
    answer.expect("the password is right").into_inner().token
}

/// A root who needs a token from now on.
async fn enable(host: &ClientHost) {
    let client = client(host, 1).await;
    let add = || AuthUserAddRequest { name: name(), password: name(), ..Default::default() };
    // Until somebody leads.
    while client.auth().user_add(add()).await.is_err() {
        R::sleep(SECOND).await;
    }
    let mut auth = client.auth();
    auth.role_add(AuthRoleAddRequest { name: name() }).await.expect("it is new");
    let grant = AuthUserGrantRoleRequest { user: name(), role: name() };
    auth.user_grant_role(grant).await.expect("both are there");
    auth.auth_enable(AuthEnableRequest {}).await.expect("there is a root");
}

#[test]
fn g80_every_member_knows_a_token_until_the_clock_ends_it_or_users_change() {
    run(1, || async {
        let world = World::new(Trace::default(), NetworkOptions::default());
        let jwt = JwtOptions {
            method: "HS256".to_owned(),
            public_key: Vec::new(),
            private_key: b"every member has this secret".to_vec(),
            ttl: TTL,
        };
        let auth_token = AuthToken::Jwt(jwt);
        let member = Config { auth_token, bcrypt_cost: 4, ..Config::default() };
        let cluster = Cluster::boot(&world, &ClusterConfig { member, ..Default::default() });
        let (host, members) = (cluster.client("client", 1), cluster.clone());
        let inside = host.clone();
        let work = host.host().spawn(async move {
            enable(&inside).await;
            let token = login(&inside, 1).await;
            for member in 1..=3 {
                put(&inside, member, &token).await.expect("every member has the key");
            }
            members.kill(2);
            R::sleep(SECOND).await;
            members.restart(2);
            R::sleep(3 * SECOND).await;
            put(&inside, 2, &token).await.expect("nothing has to be remembered");

            let role = AuthRoleAddRequest { name: "new".to_owned() };
            let changed = client(&inside, 3).await.auth().role_add(with(&token, role)).await;
            changed.expect("root may");
            let old = put(&inside, 1, &token).await.expect_err("it is of before the change");
            assert_eq!(old.message(), "etcdserver: revision of auth store is old");

            let token = login(&inside, 3).await;
            put(&inside, 1, &token).await.expect("it is new");
            R::sleep(TTL + SECOND).await;
            for member in 1..=3 {
                let ended = put(&inside, member, &token).await.expect_err("it has ended");
                assert_eq!(ended.message(), "etcdserver: invalid auth token");
            }
        });
        work.await.expect("it is not cancelled");
    });
}
