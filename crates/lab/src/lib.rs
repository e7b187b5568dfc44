//! Puts scenarios on the wire: DNS and SMTP servers on loopback.
