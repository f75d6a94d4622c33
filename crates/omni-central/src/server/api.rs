//! Errors over HTTP: always `{code, message, retryable, trace_id}`.

use crate::error::CentralError;
use crate::random;
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// An error on its way to the caller.
#[derive(Debug)]
pub struct ApiError(pub CentralError);

impl<E: Into<CentralError>> From<E> for ApiError {
    fn from(error: E) -> ApiError {
        ApiError(error.into())
    }
}

fn status(code: &str) -> StatusCode {
    match code {
        "unauthorized" => StatusCode::UNAUTHORIZED,
        "forbidden" | "device_revoked" | "device_unknown" | "code_unknown" | "code_used" | "code_expired"
        | "wrong_device" | "bad_signature" => StatusCode::FORBIDDEN,
        "not_found" => StatusCode::NOT_FOUND,
        "exchange_ended" => StatusCode::GONE,
        "method_not_allowed" => StatusCode::METHOD_NOT_ALLOWED,
        "too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        "ahead" | "fork" | "gap" | "epoch" => StatusCode::CONFLICT,
        "timeout" | "busy" | "stopping" | "disk_full" | "storage" | "fenced" => StatusCode::SERVICE_UNAVAILABLE,
        "damaged" | "io" | "randomness" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let trace_id = random::hex::<8>().unwrap_or_default();
        let status = status(self.0.code);
        if status.is_server_error() {
            tracing::error!(%trace_id, code = self.0.code, error = ?self.0, "a request failed");
        } else {
            tracing::info!(%trace_id, code = self.0.code, message = %self.0.message, "a request was refused");
        }
        let mut response = (status, Json(self.0.wire(trace_id))).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        response
    }
}
