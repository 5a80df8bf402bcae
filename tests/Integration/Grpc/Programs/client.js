// The chat client on grpc-js: node client.js ADDRESS METADATA-AS-JSON [CASE…]. Prints a line for each case.
'use strict';
const assert = require('node:assert');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const { chat } = grpc.loadPackageDefinition(loader.loadSync(path.join(__dirname, 'chat.proto'), { keepCase: true, longs: Number, defaults: true }));
const [address, given, ...wanted] = process.argv.slice(2);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const client = new chat.v1.Chat(address, grpc.credentials.createInsecure());
const LIMIT = 4 * 1024 * 1024;
const OVERHEAD = 5; // tag and length of Note.data at that size

function metadata(more = {}) {
  const all = new grpc.Metadata();
  for (const [name, value] of Object.entries({ ...JSON.parse(given), ...more })) all.set(name, value);
  return all;
}

function unary(method, request, { headers = metadata(), options = {} } = {}) {
  return new Promise((resolve, reject) => {
    const answer = {};
    const call = client[method](request, headers, options, (error, note) => {
      if (error) reject(error); else setImmediate(() => resolve({ ...answer, note }));
    });
    call.on('metadata', (m) => { answer.headers = m; });
    call.on('status', (status) => { answer.trailers = status.metadata; });
  });
}

async function refused(promise) {
  try { await promise; } catch (error) { return error; }
  throw new Error('the call succeeded');
}

async function all(call) {
  const notes = [];
  for await (const note of call) notes.push(note);
  return notes;
}

async function fate(id, state) {
  for (let i = 0; i < 100; i++) {
    const { note } = await unary('Fate', { text: id });
    if (note.state === state) return note;
    await pause(20);
  }
  throw new Error(`the server has not seen ${id} as ${state}`);
}

// A server on grpc-go resets the stream at the deadline (recorded of daprd too), and grpc-js calls that CANCELLED if its own timer is a moment late.
function assertDeadline(error) {
  assert.ok([grpc.status.DEADLINE_EXCEEDED, grpc.status.CANCELLED].includes(error.code), error.message);
}

const unique = (name) => `${name}-${process.pid}-${Math.random()}`;
const note = (number, bytes = 0) => ({ text: `note ${number}`, data: Buffer.alloc(bytes, number), number });

const cases = {
  async unary() {
    const data = Buffer.from([0, 1, 2, 127, 128, 255]);
    const headers = metadata({ 'x-text': 'a b', 'x-data-bin': data });
    const answer = await unary('Echo', { text: 'ä€', data, number: -7 }, { headers });
    assert.deepEqual(answer.note, { text: 'ä€', data, number: -7 });
    assert.deepEqual(answer.headers.get('x-text'), ['a b']);
    assert.deepEqual(answer.headers.get('x-data-bin'), [data]);
    assert.deepEqual(answer.trailers.get('t-text'), ['a b']);
    assert.deepEqual(answer.trailers.get('t-data-bin'), [data]);
  },
  async 'many unary'() {
    await Promise.all(Array.from({ length: 300 }, async (_, i) => assert.equal((await unary('Echo', note(i, i * 10))).note.number, i)));
  },
  async 'empty message'() {
    assert.deepEqual((await unary('Echo', {})).note, { text: '', data: Buffer.alloc(0), number: 0 });
  },
  async 'gzip message'() {
    const packing = new chat.v1.Chat(address, grpc.credentials.createInsecure(), { 'grpc.default_compression_algorithm': 2 });
    const data = Buffer.alloc(100000, 'x');
    const answer = await new Promise((resolve, reject) => packing.Echo({ data }, metadata(), (e, n) => (e ? reject(e) : resolve(n))));
    assert.deepEqual(answer.data, data);
    packing.close();
  },
  async 'client stream'() {
    const sum = await new Promise((resolve, reject) => {
      const call = client.Upload(metadata(), (error, answer) => (error ? reject(error) : resolve(answer)));
      for (let i = 0; i < 500; i++) call.write(note(i, 4000));
      call.end();
    });
    assert.deepEqual(sum, { notes: 500, bytes: 2000000 });
  },
  async 'server stream'() {
    const notes = await all(client.Tick({ id: unique('tick'), count: 500, bytes: 3000 }, metadata()));
    assert.deepEqual(notes.map((n) => n.number), Array.from({ length: 500 }, (_, i) => i));
  },
  async 'slow ticker'() {
    const started = Date.now();
    const times = [];
    for await (const _ of client.Tick({ id: unique('slow'), count: 4, pause_ms: 100 }, metadata())) times.push(Date.now() - started);
    assert.ok(times[0] < times[3] - 200, `notes come when they are sent, not together: ${times}`);
  },
  async bidirectional() {
    const call = client.Talk(metadata());
    const answers = call[Symbol.asyncIterator]();
    for (let i = 0; i < 100; i++) {
      call.write(note(i));
      assert.equal((await answers.next()).value.text, `re: note ${i}`);
    }
    call.end();
    assert.equal((await answers.next()).value.text, 'bye');
    assert.equal((await answers.next()).done, true);
  },
  async 'every status'() {
    for (let code = 1; code <= 16; code++) {
      const error = await refused(unary('Fail', { code, message: `status ${code}` }));
      assert.equal(error.code, code);
      assert.equal(error.details, `status ${code}`);
    }
  },
  async 'status with details'() {
    const message = 'näht: 100 % ✓';
    // google.rpc.Status { code = 1, message = 2, details = 3 { type_url = 1, value = 2 } }
    const text = Buffer.from(message);
    const details = Buffer.from([8, 9, 18, text.length, ...text, 26, 9, 10, 4, 116, 47, 97, 98, 18, 1, 255]);
    for (const error of [
      await refused(unary('Fail', { code: 9, message, details })),
      await refused(all(client.FailLater({ code: 9, message, details, after: 3 }, metadata()))),
    ]) {
      assert.equal(error.code, 9);
      assert.equal(error.details, message);
      assert.deepEqual(error.metadata.get('t-reason'), ['asked for']);
      assert.deepEqual(error.metadata.get('t-reason-bin'), [Buffer.from([0, 1, 254, 255])]);
      assert.deepEqual(error.metadata.get('grpc-status-details-bin'), [details]);
    }
  },
  async 'unknown method'() {
    const other = new grpc.Client(address, grpc.credentials.createInsecure());
    const error = await refused(new Promise((resolve, reject) => {
      other.makeUnaryRequest('/chat.v1.Chat/Nothing', (b) => b, (b) => b, Buffer.alloc(0), metadata(), (e, a) => (e ? reject(e) : resolve(a)));
    }));
    assert.equal(error.code, grpc.status.UNIMPLEMENTED);
    other.close();
  },
  async deadline() {
    const id = unique('deadline');
    const started = Date.now();
    const error = await refused(unary('Wait', { text: id }, { options: { deadline: Date.now() + 300 } }));
    assertDeadline(error);
    assert.ok(Date.now() - started < 1500, 'the client is told in time');
    const { remaining_ms } = await fate(id, 'cancelled');
    assert.ok(remaining_ms > 0 && remaining_ms <= 310, `the server had ${remaining_ms} ms`);
  },
  async 'deadline on a stream'() {
    const id = unique('stream-deadline');
    const error = await refused(all(client.Tick({ id, count: 1000, pause_ms: 20 }, metadata(), { deadline: Date.now() + 300 })));
    assertDeadline(error);
    await fate(id, 'cancelled');
  },
  async cancellation() {
    const waiting = unique('cancel');
    const call = client.Wait({ text: waiting }, metadata(), () => {});
    await fate(waiting, 'running');
    call.cancel();
    await fate(waiting, 'cancelled');
    const ticking = unique('cancel-tick');
    const stream = client.Tick({ id: ticking, count: 100000, pause_ms: 5 }, metadata());
    stream.on('error', () => {});
    await new Promise((resolve) => stream.once('data', resolve));
    stream.cancel();
    await fate(ticking, 'cancelled');
  },
  async 'slow reader slows the writer'() {
    const id = unique('flood');
    const stream = client.Tick({ id, count: 4096, bytes: 16384 }, metadata());
    const answers = stream[Symbol.asyncIterator]();
    await answers.next();
    await pause(500);
    const { sent } = await fate(id, 'running');
    assert.ok(sent < 1024, `${sent} of 4096 notes had left the server`);
    let read = 1;
    while (!(await answers.next()).done) read++;
    assert.equal(read, 4096);
  },
  async 'slow server slows the client'() {
    let written = 0;
    const summing = new Promise((resolve, reject) => {
      const call = client.Stall(metadata(), (error, answer) => (error ? reject(error) : resolve(answer)));
      (async () => {
        for (; written < 2048; written++) {
          if (!call.write(note(written, 16384))) await new Promise((drained) => call.once('drain', drained));
        }
        call.end();
      })();
    });
    summing.catch(() => {}); // looked at below
    await pause(400);
    assert.ok(written < 1024, `${written} of 2048 notes had left the client`);
    assert.deepEqual(await summing, { notes: 2048, bytes: 2048 * 16384 });
  },
  async 'message at the limit'() {
    // With every field set the message is as long in both directions: grpc-js writes empty fields too.
    const request = { text: 'x', data: Buffer.alloc(LIMIT - OVERHEAD - 5), number: 1 };
    assert.equal((await unary('Echo', request)).note.data.length, request.data.length);
  },
  async 'message over the limit'() {
    const error = await refused(unary('Echo', { data: Buffer.alloc(LIMIT - OVERHEAD + 1) }));
    assert.equal(error.code, grpc.status.RESOURCE_EXHAUSTED);
    assert.equal((await unary('Echo', note(1))).note.number, 1);
    return error.details;
  },
  async 'a thousand streams'() {
    const calls = Array.from({ length: 1000 }, () => client.Talk(metadata()));
    const answers = calls.map((call) => call[Symbol.asyncIterator]());
    calls.forEach((call, i) => call.write(note(i)));
    const firsts = await Promise.all(answers.map((a) => a.next()));
    firsts.forEach(({ value }, i) => assert.equal(value.number, i));
    calls.forEach((call) => call.end());
    for (const answer of await Promise.all(answers.map((a) => a.next()))) assert.equal(answer.value.text, 'bye');
    for (const answer of await Promise.all(answers.map((a) => a.next()))) assert.equal(answer.done, true);
  },
};

(async () => {
  for (const name of wanted.length > 0 ? wanted : Object.keys(cases)) {
    const timeout = new Promise((_, reject) => { setTimeout(() => reject(new Error('took longer than 10 s')), 10000).unref(); });
    await Promise.race([cases[name](), timeout]).then(
      (info) => console.log(`${name}: ok${info === undefined ? '' : ` ${info}`}`),
      (error) => console.log(`${name}: FAILED ${String(error).replace(/\s*\n\s*/g, ' | ')}`));
  }
  process.exit(0);
})();
