"""A name server by dnspython: `server.py tcp|udp SECRET MODE...`. It takes one message for each mode and answers as that says.

It prints its port, then a line of JSON for each message that its key has signed. The modes are those of `answer`."""
import dns.message, dns.name, dns.rcode, dns.tsig
import json, os, socket, struct, sys, time

NAME = dns.name.from_text("danelaw")
ALGORITHM = dns.tsig.HMAC_SHA256


def rows(section):
    return [[str(s.name), s.ttl, (s.deleting or s.rdclass).name, s.rdtype.name, [str(r) for r in s]] for s in section]


def answer(mode, question):
    if mode == "garbage":
        return os.urandom(60)
    response = dns.message.make_response(question)
    if mode == "unsigned":
        response.tsig = None
    elif mode == "other-secret":
        response.use_tsig({NAME: dns.tsig.Key(NAME, b"another secret, which nobody has", ALGORITHM)}, NAME)
    elif mode == "other-request":
        response.request_mac = bytes(32)
    elif mode == "cut":
        response.use_tsig({NAME: dns.tsig.Key(NAME, SECRET, dns.tsig.HMAC_SHA256_128)}, NAME)
    elif mode == "failed-but-changed":
        response.set_rcode(dns.rcode.SERVFAIL)
    elif mode == "other-id":
        response.id ^= 1
    clock = time.time
    if mode == "late":
        time.time = lambda: clock() - 3600
    wire = bytearray(response.to_wire())
    time.time = clock
    if mode == "failed-but-changed":
        wire[3] &= 0xF0
    return bytes(wire)


def read(wire):
    message = dns.message.from_wire(wire, keyring={NAME: dns.tsig.Key(NAME, SECRET, ALGORITHM)})
    assert message.had_tsig
    sections = [rows(section) for section in message.sections]
    print(json.dumps({"opcode": message.opcode().name, "sections": sections}), flush=True)
    return message


def over_tcp(modes):
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    for mode in modes:
        stream, _ = listener.accept()
        length, = struct.unpack("!H", stream.recv(2, socket.MSG_WAITALL))
        message = read(stream.recv(length, socket.MSG_WAITALL))
        if mode == "silent":
            time.sleep(3)
        elif mode != "closed":
            wire = answer(mode, message)
            stream.sendall(struct.pack("!H", len(wire)) + wire)
        stream.close()


def over_udp(modes):
    """All answers to one question."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)
    wire, client = server.recvfrom(65535)
    message = read(wire)
    for mode in modes:
        server.sendto(answer(mode, message), client)
    time.sleep(1)


how, SECRET, *modes = sys.argv[1:]
{"tcp": over_tcp, "udp": over_udp}[how](modes)
