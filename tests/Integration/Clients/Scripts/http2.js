// Node's http2 module as a client with prior knowledge. Prints "ok", or fails.
'use strict';
const http2 = require('node:http2');
const assert = require('node:assert');
const [port, appId] = process.argv.slice(2);
const prefix = `/v1.0/invoke/${appId}/method`;
const { NGHTTP2_CANCEL } = http2.constants;

function call(session, headers, body) {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers);
    const pieces = [];
    let head;
    stream.on('response', (h) => { head = h; });
    stream.on('data', (piece) => pieces.push(piece));
    stream.on('end', () => resolve({ headers: head, body: Buffer.concat(pieces) }));
    stream.on('error', reject);
    stream.end(body);
  });
}

async function manyStreams(session) {
  await Promise.all(Array.from({ length: 240 }, async (_, i) => {
    const body = Buffer.alloc(i * 300, i);
    const answer = await call(session, { ':method': 'POST', ':path': `${prefix}/echo?n=${i}`, 'x-long': 'v'.repeat(i) }, body);
    assert.equal(answer.headers[':status'], 200);
    assert.equal(answer.headers['x-target'], `/echo?n=${i}`);
    assert.ok(answer.body.equals(body));
  }));
}

async function headerForm(session) {
  const answer = await call(session, { ':method': 'PUT', ':path': '/echo', 'dapr-app-id': appId }, 'x');
  assert.equal(answer.headers['x-method'], 'PUT');
}

async function downloadBeyondEveryWindow(session) {
  const answer = await call(session, { ':path': `${prefix}/produce?bytes=8000000` });
  assert.equal(answer.body.length, 8000000);
}

function pingPong(session) {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': `${prefix}/echo` });
    let left = 20;
    stream.on('data', () => { if (--left > 0) stream.write('ping'); else stream.end(); });
    stream.on('end', resolve);
    stream.on('error', reject);
    stream.write('ping');
  });
}

/** A stream that is cancelled takes nothing from its neighbours. */
async function cancelledMidway(session) {
  for (let i = 0; i < 50; i++) {
    const stream = session.request({ ':path': `${prefix}/endless` });
    stream.on('error', () => {});
    await new Promise((resolve) => stream.once('data', resolve));
    stream.close(NGHTTP2_CANCEL);
  }
  await manyStreams(session);
}

function ping(session) {
  return new Promise((resolve, reject) => session.ping((error) => (error ? reject(error) : resolve())));
}

(async () => {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', (error) => { throw error; });
  session.on('goaway', (code) => { throw new Error(`GOAWAY ${code}`); });
  for (const test of [manyStreams, headerForm, downloadBeyondEveryWindow, pingPong, ping, cancelledMidway]) {
    await test(session).catch((error) => { error.message = `${test.name}: ${error.message}`; throw error; });
  }
  session.removeAllListeners('goaway');
  await new Promise((resolve) => session.close(resolve));
  console.log('ok');
})().catch((error) => { console.error(error); process.exit(1); });
