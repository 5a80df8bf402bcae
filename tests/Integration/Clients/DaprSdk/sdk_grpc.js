// Dapr's JavaScript SDK over gRPC, as client and as server. Prints "ok", or fails.
'use strict';
const assert = require('node:assert');
const { DaprClient, DaprServer, HttpMethod, CommunicationProtocolEnum } = require('@dapr/dapr');
const [callerGrpcPort, callerHttpPort, calleeId, callerId, serverPort, serverSidecarPort, serverId] = process.argv.slice(2);
const sent = { item: 'book', count: 3, text: 'ä€' };

async function toAnHttpApp(client) {
  for (const method of [HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH, HttpMethod.DELETE]) {
    assert.deepEqual(await client.invoker.invoke(calleeId, 'echo', method, sent), sent);
  }
  await Promise.all(Array.from({ length: 100 }, async (_, i) => assert.deepEqual(await client.invoker.invoke(calleeId, 'echo', HttpMethod.POST, { i }), { i })));
}

async function failures(client) {
  const NOT_FOUND = 5;
  const INTERNAL = 13;
  await assert.rejects(client.invoker.invoke(calleeId, 'no-such-method', HttpMethod.POST, sent), (error) => error.code === NOT_FOUND && error.rawMessage === 'Not Found');
  await assert.rejects(client.invoker.invoke('no-such-app', 'echo', HttpMethod.POST, sent), (error) => error.code === INTERNAL && error.rawMessage.startsWith('failed to invoke, id: no-such-app, err: '));
}

async function information(client) {
  assert.equal(await client.health.isHealthy(), true);
  assert.equal((await client.metadata.get()).id, callerId);
  assert.equal(await client.metadata.set('color', 'green'), true);
  assert.equal((await client.metadata.get()).extended.color, 'green');
}

async function toAGrpcApp(client) {
  const server = new DaprServer({
    serverHost: '127.0.0.1', serverPort, communicationProtocol: CommunicationProtocolEnum.GRPC,
    clientOptions: { daprHost: '127.0.0.1', daprPort: serverSidecarPort, communicationProtocol: CommunicationProtocolEnum.GRPC },
  });
  await server.invoker.listen('greet', async (data) => ({ greeted: JSON.parse(data.body).name, type: data.metadata.contentType }), { method: HttpMethod.POST });
  await server.start();
  assert.deepEqual(await client.invoker.invoke(serverId, 'greet', HttpMethod.POST, { name: 'you' }), { greeted: 'you', type: 'application/json' });
  const http = new DaprClient({ daprHost: '127.0.0.1', daprPort: callerHttpPort, communicationProtocol: CommunicationProtocolEnum.HTTP });
  assert.deepEqual(await http.invoker.invoke(serverId, 'greet', HttpMethod.POST, { name: 'me' }), { greeted: 'me', type: 'application/json' });
  await http.stop();
}

(async () => {
  const client = new DaprClient({ daprHost: '127.0.0.1', daprPort: callerGrpcPort, communicationProtocol: CommunicationProtocolEnum.GRPC });
  for (const test of [information, toAnHttpApp, failures, toAGrpcApp]) {
    await test(client).catch((error) => { error.message = `${test.name}: ${error.message}`; throw error; });
  }
  console.log('ok');
  process.exit(0);
})().catch((error) => { console.error(error); process.exit(1); });
