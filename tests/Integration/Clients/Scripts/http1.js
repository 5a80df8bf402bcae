// Node's http module as a client: keep-alive, streams in both directions, trailers, early ends. Prints "ok", or fails.
'use strict';
const http = require('node:http');
const assert = require('node:assert');
const [port, appId] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
const prefix = `/v1.0/invoke/${appId}/method`;

function call(method, path, { headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, agent, method, path, headers }, (response) => {
      const pieces = [];
      response.on('data', (piece) => pieces.push(piece));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(pieces), response }));
      response.on('error', reject);
    });
    request.on('error', reject);
    if (typeof body === 'function') body(request);
    else request.end(body);
  });
}

async function everyMethod() {
  for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    // Node frames the body of a DELETE or OPTIONS only when told its length.
    const answer = await call(method, `${prefix}/echo?m=${method}`, method === 'GET' ? {} : { headers: { 'content-length': 4 }, body: 'body' });
    assert.equal(answer.status, 200, method);
    assert.equal(answer.headers['x-method'], method);
    assert.equal(answer.headers['x-target'], `/echo?m=${method}`);
    assert.equal(answer.body.toString(), method === 'GET' ? '' : 'body');
  }
}

async function headerForm() {
  const answer = await call('POST', '/echo', { headers: { 'dapr-app-id': appId }, body: 'header form' });
  assert.equal(answer.body.toString(), 'header form');
}

async function manyAtOnce() {
  await Promise.all(Array.from({ length: 200 }, async (_, i) => {
    const body = Buffer.alloc(i * 100, i);
    const answer = await call('POST', `${prefix}/echo?n=${i}`, { body });
    assert.equal(answer.headers['x-target'], `/echo?n=${i}`);
    assert.ok(answer.body.equals(body));
  }));
}

async function chunkedInSmallPieces() {
  const pieces = Array.from({ length: 500 }, (_, i) => `piece ${i};`);
  const answer = await call('POST', `${prefix}/echo`, { body: (request) => { for (const piece of pieces) request.write(piece); request.end(); } });
  assert.equal(answer.body.toString(), pieces.join(''));
}

/** The echo of a piece is read before the next one is written. */
function pingPong() {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, agent, method: 'POST', path: `${prefix}/echo` }, (response) => {
      let left = 20;
      response.on('data', () => { if (--left > 0) request.write('ping'); else request.end(); });
      response.on('end', resolve);
    });
    request.on('error', reject);
    request.write('ping');
  });
}

async function waitsForContinue() {
  const answer = await new Promise((resolve, reject) => {
    const request = http.request(
      { host: '127.0.0.1', port, agent, method: 'POST', path: `${prefix}/count`, headers: { Expect: '100-continue', 'Content-Length': 3 } },
      (response) => { let text = ''; response.on('data', (piece) => { text += piece; }); response.on('end', () => resolve(text)); });
    request.on('continue', () => request.end('abc'));
    request.on('error', reject);
    request.flushHeaders();
  });
  assert.equal(answer, '3');
}

async function statuses() {
  for (const code of [204, 304, 400, 404, 500, 503]) assert.equal((await call('GET', `${prefix}/status?code=${code}`)).status, code);
  const head = await call('HEAD', `${prefix}/echo`);
  assert.equal(head.status, 200);
  assert.equal(head.body.length, 0);
}

async function destroyedMidway() {
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => {
      const request = http.request({ host: '127.0.0.1', port, agent, path: `${prefix}/endless` }, (response) => {
        response.once('data', () => { request.destroy(); resolve(); });
        response.on('error', () => {});
      });
      request.on('error', () => {});
      request.end();
    });
  }
}

(async () => {
  for (const test of [everyMethod, headerForm, manyAtOnce, chunkedInSmallPieces, pingPong, waitsForContinue, statuses, destroyedMidway, manyAtOnce]) {
    await test().catch((error) => { error.message = `${test.name}: ${error.message}`; throw error; });
  }
  agent.destroy();
  console.log('ok');
})().catch((error) => { console.error(error); process.exit(1); });
