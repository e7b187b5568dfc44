// Sends a message to every domain of stdin (lines of "scenario domain") by npm's mx-connect with its DANE on, and says what became of it.
//
// TLSA records come as Node.js gives them from version 22.15 on, without a look at the AD bit: this Node.js may be older. The library hands out a verifier
// to be used as checkServerIdentity, which Node.js calls only where a public CA vouches for the certificate; so it is called here.
'use strict';

const mxConnect = require('mx-connect');
const tls = require('tls');
const { execFile } = require('child_process');

const LIMIT = 40000;
const HELO = 'mx-connect.client.example';

function resolveTlsa(name) {
    return new Promise((resolve, reject) => {
        execFile('dig', ['+time=10', '+tries=1', name, 'TLSA'], (error, text) => {
            const status = (/status: (\w+)/.exec(text || '') || [])[1];
            const records = (text || '').split('\n').filter(line => !line.startsWith(';')).map(line => line.split(/\s+/));
            const found = records.filter(words => words[3] === 'TLSA').map(words => ({
                usage: Number(words[4]), selector: Number(words[5]), mtype: Number(words[6]), ttl: Number(words[1]),
                cert: Buffer.from(words.slice(7).join(''), 'hex')
            }));
            if (status === 'NOERROR' && found.length) return resolve(found);
            const code = { NOERROR: 'ENODATA', NXDOMAIN: 'ENOTFOUND', SERVFAIL: 'ESERVFAIL' }[status] || 'ETIMEOUT';
            reject(Object.assign(new Error('queryTlsa ' + code), { code }));
        });
    });
}

// One command, and the reply's lines.
function ask(socket, command) {
    return new Promise((resolve, reject) => {
        let text = '';
        const data = chunk => {
            text += chunk;
            const last = text.trimEnd().split('\r\n').pop();
            if (text.endsWith('\n') && /^\d{3}( |$)/.test(last)) done(resolve, text);
        };
        const failed = error => done(reject, error || new Error('connection closed'));
        const done = (settle, value) => {
            socket.removeListener('data', data);
            socket.removeListener('error', failed);
            socket.removeListener('close', failed);
            settle(value);
        };
        socket.on('data', data);
        socket.on('error', failed);
        socket.on('close', failed);
        if (command) socket.write(command + '\r\n');
    });
}

async function send(domain) {
    const connection = await mxConnect({ target: domain, localHostname: HELO, dnsOptions: { ignoreIPv6: true }, dane: { enabled: true, resolveTlsa } });
    let socket = connection.socket;
    socket.on('error', () => {});
    await ask(socket);
    const ehlo = await ask(socket, 'EHLO ' + HELO);
    const offered = /STARTTLS/.test(ehlo) && (await ask(socket, 'STARTTLS')).startsWith('220');
    if (!offered && connection.daneEnabled) throw new Error('TLSA records and no STARTTLS');
    if (offered) {
        socket = await new Promise((resolve, reject) => {
            const secure = tls.connect({ socket, servername: connection.hostname, rejectUnauthorized: false }, () => resolve(secure));
            secure.on('error', reject);
        });
        const wrong = connection.daneVerifier && connection.daneVerifier(connection.hostname, socket.getPeerCertificate(true));
        if (wrong) {
            socket.destroy();
            throw wrong;
        }
        await ask(socket, 'EHLO ' + HELO);
    }
    for (const command of ['MAIL FROM:<>', `RCPT TO:<probe@${domain}>`, 'DATA']) await ask(socket, command);
    const taken = await ask(socket, 'Subject: probe\r\n\r\nhello\r\n.');
    socket.end('QUIT\r\n');
    return taken.trim();
}

async function one(line) {
    const [id, domain] = line.split(' ');
    const timeout = new Promise((_, reject) => setTimeout(() => reject(new Error('nothing within 40 s')), LIMIT));
    let said;
    try {
        said = { id, fate: 'sent', words: await Promise.race([send(domain), timeout]) };
    } catch (error) {
        const permanent = error.temporary === false || (error.temporary === undefined && error.category === 'dns');
        said = { id, fate: permanent ? 'bounced' : 'deferred', words: error.message };
    }
    console.log(JSON.stringify(said));
}

const lines = require('fs').readFileSync(0, 'utf8').split('\n').filter(Boolean);
const worker = async () => {
    while (lines.length) await one(lines.shift());
};
Promise.all(Array.from({ length: 12 }, worker)).then(() => process.exit(0));
