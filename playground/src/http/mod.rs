//! Requests and answers of the mock services. Which answer a request gets is up to the service.

pub mod call;
pub mod connection;
pub mod control;
pub mod multipart;
pub mod reply;
mod response;
