// Dapr's JavaScript SDK over HTTP, as client and as server. Prints "ok", or fails.
'use strict';
const assert = require('node:assert');
const { DaprClient, DaprServer, HttpMethod, CommunicationProtocolEnum } = require('@dapr/dapr');
const [callerPort, calleeId, serverPort, serverSidecarPort, serverId] = process.argv.slice(2);

async function asClient(client) {
  const sent = { item: 'book', count: 3, text: 'ä€' };
  for (const method of [HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH, HttpMethod.DELETE]) {
    assert.deepEqual(await client.invoker.invoke(calleeId, 'echo?x=1', method, sent), sent);
  }
  assert.equal(await client.invoker.invoke(calleeId, 'echo', HttpMethod.GET), '');
  assert.deepEqual(await client.invoker.invoke(calleeId, 'echo', HttpMethod.POST, sent, { headers: { 'x-own': '1' } }), sent);
  await assert.rejects(client.invoker.invoke(calleeId, 'status?code=404', HttpMethod.GET));
  await assert.rejects(client.invoker.invoke('no-such-app', 'echo', HttpMethod.GET));
  await Promise.all(Array.from({ length: 100 }, async (_, i) => assert.deepEqual(await client.invoker.invoke(calleeId, 'echo', HttpMethod.POST, { i }), { i })));
}

async function information(client) {
  assert.equal(await client.health.isHealthy(), true);
  assert.equal((await client.metadata.get()).id.length > 0, true);
}

async function asServer(client) {
  const server = new DaprServer({
    serverHost: '127.0.0.1', serverPort, communicationProtocol: CommunicationProtocolEnum.HTTP,
    clientOptions: { daprHost: '127.0.0.1', daprPort: serverSidecarPort },
  });
  await server.invoker.listen('greet', async (data) => ({ greeted: JSON.parse(data.body).name, query: data.query }), { method: HttpMethod.POST });
  await server.start();
  assert.deepEqual(await client.invoker.invoke(serverId, 'greet?a=b', HttpMethod.POST, { name: 'you' }), { greeted: 'you', query: '/greet?a=b' });
  await server.stop();
}

(async () => {
  const client = new DaprClient({ daprHost: '127.0.0.1', daprPort: callerPort, communicationProtocol: CommunicationProtocolEnum.HTTP });
  for (const test of [information, asClient, asServer]) {
    await test(client).catch((error) => { error.message = `${test.name}: ${error.message}`; throw error; });
  }
  await client.stop();
  console.log('ok');
  process.exit(0);
})().catch((error) => { console.error(error); process.exit(1); });
