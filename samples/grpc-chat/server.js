// A chat room, served by gRPC on APP_PORT. It knows nothing of sidecars, but who is calling: they say so in metadata.
'use strict';
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const { chat } = grpc.loadPackageDefinition(loader.loadSync(path.join(__dirname, 'chat.proto')));

const room = new Set();
const history = [];

function join(call) {
  const [caller] = call.metadata.get('dapr-caller-app-id');
  console.log(`somebody joined from ${caller}`);
  room.add(call);
  call.on('data', (line) => {
    console.log(`${line.name}: ${line.text}`);
    history.push(line);
    for (const member of room) member.write(line);
  });
  const leave = () => {
    if (room.delete(call)) {
      console.log('somebody left');
      call.end();
    }
  };
  call.on('end', leave);
  call.on('cancelled', leave);
}

const server = new grpc.Server();
server.addService(chat.Chat.service, { Join: join, History: (call, callback) => callback(null, { lines: history }) });
server.bindAsync(`127.0.0.1:${process.env.APP_PORT}`, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
