// The chat service on grpc-js. It knows nothing of sidecars: node server.js PORT
'use strict';
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const { chat } = grpc.loadPackageDefinition(loader.loadSync(path.join(__dirname, 'chat.proto'), { keepCase: true, longs: Number, defaults: true }));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const STALL_MS = 600;
const fates = new Map();

function follow(call, id) {
  const deadline = call.getDeadline();
  const fate = { state: 'running', sent: 0, remaining_ms: Number.isFinite(+deadline) ? Math.max(0, +deadline - Date.now()) : 0 };
  fates.set(id, fate);
  call.on('cancelled', () => { fate.state = 'cancelled'; });
  return fate;
}

function back(call, prefix) {
  const metadata = new grpc.Metadata();
  for (const key of Object.keys(call.metadata.getMap()).filter((name) => name.startsWith('x-') && !name.startsWith('x-forwarded'))) {
    call.metadata.get(key).forEach((value) => metadata.add(prefix + key.slice(2), value));
  }
  return metadata;
}

function failure({ code, message, details }) {
  const metadata = new grpc.Metadata();
  metadata.set('t-reason', 'asked for');
  metadata.set('t-reason-bin', Buffer.from([0, 1, 254, 255]));
  if (details.length > 0) {
    metadata.set('grpc-status-details-bin', details);
  }
  return Object.assign(new Error(message), { code, details: message, metadata });
}

async function write(call, note) {
  if (!call.write(note)) {
    await new Promise((resolve) => {
      const go = () => { call.off('drain', go); call.off('cancelled', go); resolve(); };
      call.on('drain', go);
      call.on('cancelled', go);
    });
  }
}

const summary = () => ({ notes: 0, bytes: 0 });
const add = (sum, note) => { sum.notes++; sum.bytes += note.data.length; };

const service = {
  Echo(call, callback) {
    call.sendMetadata(back(call, 'x-'));
    callback(null, call.request, back(call, 't-'));
  },
  Upload(call, callback) {
    const sum = summary();
    call.on('data', (note) => add(sum, note));
    call.on('end', () => callback(null, sum));
  },
  async Tick(call) {
    const { id, count, bytes, pause_ms } = call.request;
    const fate = follow(call, id);
    const data = Buffer.alloc(bytes);
    for (let number = 0; number < count && fate.state === 'running'; number++) {
      await write(call, { text: '', data, number });
      fate.sent++;
      if (pause_ms > 0) await pause(pause_ms);
    }
    if (fate.state === 'running') {
      fate.state = 'ended';
      call.end();
    }
  },
  Talk(call) {
    call.on('data', (note) => call.write({ ...note, text: `re: ${note.text}` }));
    call.on('end', () => { call.write({ text: 'bye' }); call.end(); });
    call.on('error', () => {});
  },
  Fail(call, callback) { callback(failure(call.request)); },
  async FailLater(call) {
    for (let number = 0; number < call.request.after; number++) await write(call, { text: '', data: '', number });
    call.emit('error', failure(call.request));
  },
  Wait(call) { follow(call, call.request.text); },
  Stall(call, callback) {
    const sum = summary();
    call.on('data', (note) => {
      add(sum, note);
      if (sum.notes === 1) {
        call.pause();
        setTimeout(() => call.resume(), STALL_MS);
      }
    });
    call.on('end', () => callback(null, sum));
  },
  Fate(call, callback) { callback(null, fates.get(call.request.text) ?? { state: '' }); },
};

const server = new grpc.Server();
server.addService(chat.v1.Chat.service, service);
server.bindAsync(`127.0.0.1:${process.argv[2]}`, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
  console.log('serving');
});
