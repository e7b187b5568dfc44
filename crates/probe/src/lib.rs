//! Looks at mail domains: DNS, SMTP, STARTTLS, TLS.
