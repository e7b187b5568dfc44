//! The beginning of a TLS 1.2 handshake by hand, for key exchanges that our TLS engine does not have. (RFC 5246 section 7.4)

/// TLS_RSA_WITH_AES_128_GCM_SHA256. (RFC 5288)
pub const RSA_WITH_AES_128_GCM_SHA256: u16 = 0x009c;

/// Whether a ClientHello, without its record header, offers a cipher suite.
pub fn offers(hello: &[u8], suite: u16) -> bool {
    // Type, length, version and random, then the session id.
    const SESSION: usize = 1 + 3 + 2 + 32;
    let after = |at: usize| hello.get(at..).unwrap_or_default();
    let Some((session, _)) = after(SESSION).split_first() else { return false };
    let Some((length, suites)) = after(SESSION + 1 + usize::from(*session)).split_first_chunk::<2>() else { return false };
    let length = usize::from(u16::from_be_bytes(*length)).min(suites.len());
    suites.get(..length).unwrap_or_default().chunks_exact(2).any(|pair| pair == suite.to_be_bytes())
}

/// ServerHello, Certificate and ServerHelloDone in one record. The chain must fit into it: 16 KB.
pub fn server_flight(suite: u16, chain: &[Vec<u8>]) -> Vec<u8> {
    let hello = [&[3, 3][..], &[7; 32], &[0], &suite.to_be_bytes(), &[0]].concat();
    let certificates: Vec<u8> = chain.iter().flat_map(|der| sized(der)).collect();
    let messages = [message(2, &hello), message(11, &sized(&certificates)), message(14, &[])].concat();
    let length = u16::try_from(messages.len()).unwrap_or(u16::MAX);
    [&[22, 3, 3][..], &length.to_be_bytes(), &messages].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &sized(body)].concat()
}

/// With its length in three octets before it.
fn sized(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&length[1..], body].concat()
}
