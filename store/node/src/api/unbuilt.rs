//! Services that are not built yet: every method answers `Unimplemented`. What gets built moves to a
//! file of its own.

use std::pin::Pin;

use detcd_api::v3electionpb::election_server::Election;
use detcd_api::v3electionpb::*;
use detcd_api::v3lockpb::lock_server::Lock;
use detcd_api::v3lockpb::*;
use futures_util::Stream;
use tonic::{Request, Response, Status};

/// The answer of a method that is not built yet.
pub(super) fn status(method: &str) -> Status {
    Status::unimplemented(format!("{method} is not built yet"))
}

/// All of these services.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unbuilt;

macro_rules! unbuilt {
    ($service:ident { $($stream:ident = $item:ty;)* }
     $($method:ident($request:ty) -> $response:ty;)*) => {
        #[tonic::async_trait]
        impl $service for Unbuilt {
            $(type $stream = Pin<Box<dyn Stream<Item = Result<$item, Status>> + Send>>;)*
            $(
                async fn $method(
                    &self,
                    _: Request<$request>,
                ) -> Result<Response<$response>, Status> {
                    Err(status(concat!(stringify!($service), "/", stringify!($method))))
                }
            )*
        }
    };
}

unbuilt! {
    Lock {}
    lock(LockRequest) -> LockResponse;
    unlock(UnlockRequest) -> UnlockResponse;
}

unbuilt! {
    Election { ObserveStream = LeaderResponse; }
    campaign(CampaignRequest) -> CampaignResponse;
    proclaim(ProclaimRequest) -> ProclaimResponse;
    leader(LeaderRequest) -> LeaderResponse;
    observe(LeaderRequest) -> Self::ObserveStream;
    resign(ResignRequest) -> ResignResponse;
}
