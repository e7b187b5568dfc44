//! SMTP servers: well-behaved, broken and hostile.

pub mod flight;
pub mod server;
pub mod session;
pub mod tls;
