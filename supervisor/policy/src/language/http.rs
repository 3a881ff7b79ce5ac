//! `[http]`: what others may read.

use crate::shape::shape;
use crate::text::http_address::HttpAddress;

shape! {
    /// State, metrics and incidents over HTTP, to be read and nothing else. Whoever runs highwater has them on a unix
    /// socket always.
    Server in "[http]" {
        /// IP address and port to answer on as well, such as "127.0.0.1:9464". When absent, there is no such port.
        "listen" listen: HttpAddress = Optional,
    }
}
