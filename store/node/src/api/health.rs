//! `grpc.health.v1.Health`: one service, named by the empty string, that serves while it answers (G95).

use std::pin::Pin;

use detcd_api::health::health_check_response::ServingStatus;
use detcd_api::health::health_server::Health;
use detcd_api::health::{HealthCheckRequest, HealthCheckResponse};
use futures_util::{Stream, StreamExt, stream};
use tonic::{Request, Response, Status};

/// The service.
#[derive(Debug, Clone, Copy)]
pub(super) struct HealthService;

#[tonic::async_trait]
impl Health for HealthService {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        match serving(&request.into_inner()) {
            ServingStatus::ServiceUnknown => Err(Status::not_found("unknown service")),
            status => Ok(Response::new(HealthCheckResponse { status: status.into() })),
        }
    }

    /// The state never changes: one message, and then nothing until either side goes away.
    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let status = serving(&request.into_inner()).into();
        let first = stream::iter([Ok(HealthCheckResponse { status })]);
        Ok(Response::new(Box::pin(first.chain(stream::pending()))))
    }
}

fn serving(request: &HealthCheckRequest) -> ServingStatus {
    if request.service.is_empty() { ServingStatus::Serving } else { ServingStatus::ServiceUnknown }
}
