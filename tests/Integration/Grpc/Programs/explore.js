// What a person does with grpcurl: node explore.js ADDRESS APP-ID. Knows none of Dapr's .proto files: it asks the sidecar for them. Prints "ok", or fails.
'use strict';
const assert = require('node:assert');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const [address, appId] = process.argv.slice(2);
const load = (file) => loader.loadSync(path.join(__dirname, file), { keepCase: true, defaults: true });
const insecure = grpc.credentials.createInsecure();
const DAPR = 'dapr.proto.runtime.v1.Dapr';
const SERVING = 1;
const NOT_FOUND = 5;

function metadata() {
  const all = new grpc.Metadata();
  all.set('dapr-app-id', appId); // Dapr answers reflection only with it
  return all;
}

const answer = (call) => new Promise((resolve, reject) => call((error, value) => (error ? reject(error) : resolve(value))));

async function health() {
  const { grpc: { health: { v1: { Health } } } } = grpc.loadPackageDefinition(load('health.proto'));
  const client = new Health(address, insecure);
  assert.equal((await answer((done) => client.Check({}, done))).status, SERVING);
  await assert.rejects(answer((done) => client.Check({ service: 'no.such.Service' }, done)), (error) => error.code === NOT_FOUND);
  const watch = client.Watch({});
  assert.equal((await new Promise((resolve, reject) => { watch.once('data', resolve); watch.once('error', reject); })).status, SERVING);
  watch.on('error', () => {});
  watch.cancel();
  client.close();
}

// A conversation with the reflection service of that version: one answer for each question.
function reflection(version) {
  const { requestSerialize, responseDeserialize } = load('reflection.proto')['grpc.reflection.v1.ServerReflection'].ServerReflectionInfo;
  const client = new grpc.Client(address, insecure);
  const call = client.makeBidiStreamRequest(`/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`, requestSerialize, responseDeserialize, metadata());
  const answers = call[Symbol.asyncIterator]();
  return {
    async ask(question) {
      call.write(question);
      return (await answers.next()).value;
    },
    async end() {
      call.end();
      assert.equal((await answers.next()).done, true);
      client.close();
    },
  };
}

// FileDescriptorSet: repeated FileDescriptorProto file = 1.
function descriptorSet(files) {
  return Buffer.concat(files.flatMap((file) => {
    const length = [];
    for (let rest = file.length; ; rest >>>= 7) {
      length.push(rest > 127 ? (rest & 127) | 128 : rest);
      if (rest <= 127) break;
    }
    return [Buffer.from([10, ...length]), file];
  }));
}

// The file of a service and all that it imports, the imports first.
async function filesOf(talk, symbol) {
  const found = new Map();
  const { file_descriptor_response: { file_descriptor_proto: given } } = await talk.ask({ file_containing_symbol: symbol });
  const { FileDescriptorProto } = require('protobufjs/ext/descriptor');
  const take = async (bytes) => {
    const { name, dependency } = FileDescriptorProto.decode(bytes);
    if (found.has(name)) return;
    found.set(name, null);
    for (const imported of dependency) {
      if (!found.has(imported)) {
        const { file_descriptor_response: answered } = await talk.ask({ file_by_filename: imported });
        for (const file of answered.file_descriptor_proto) await take(file);
      }
    }
    found.delete(name);
    found.set(name, bytes);
  };
  for (const bytes of given) await take(bytes);
  return [...found.values()];
}

async function explore(version) {
  const talk = reflection(version);
  const { list_services_response: { service } } = await talk.ask({ list_services: '' });
  assert.ok(service.some(({ name }) => name === DAPR), `${DAPR} is among ${service.map(({ name }) => name)}`);
  const unknown = await talk.ask({ file_containing_symbol: 'no.such.Symbol' });
  assert.equal(unknown.error_response.error_code, NOT_FOUND);
  for (const { name } of service) {
    assert.ok((await filesOf(talk, name)).length > 0, name);
  }
  const files = await filesOf(talk, DAPR);
  await talk.end();

  const { dapr } = grpc.loadPackageDefinition(loader.loadFileDescriptorSetFromBuffer(descriptorSet(files), { keepCase: true }));
  const client = new dapr.proto.runtime.v1.Dapr(address, insecure);
  const sidecar = await answer((done) => client.GetMetadata({}, done));
  assert.equal(sidecar.id, appId);
  assert.equal(sidecar.runtime_version, '1.18.3');
  client.close();
}

(async () => {
  for (const [name, test] of [['health', health], ['reflection v1', () => explore('v1')], ['reflection v1alpha', () => explore('v1alpha')]]) {
    await test().catch((error) => { error.message = `${name}: ${error.message}`; throw error; });
  }
  console.log('ok');
  process.exit(0);
})().catch((error) => { console.error(error); process.exit(1); });
