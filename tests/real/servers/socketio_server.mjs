// npm's socket.io as Myshell's far side: node socketio_server.mjs PORT '{"settings": ...}'
//
// The same talk as socketio_server.py: the question's text says what to answer.
import { createServer } from "node:http";
import { Server } from "socket.io";

const [port, settings] = [Number(process.argv[2]), JSON.parse(process.argv[3] ?? "{}")];
const state = { connections: 0, left: [], auth: [], questions: [], acks: [], extensions: [] };

const http = createServer((request, response) => {
  if (request.url === "/state") {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(state));
  } else if (!request.url.startsWith("/ws/")) {
    response.statusCode = 404;
    response.end();
  }
});
const io = new Server(http, {
  path: "/ws/",
  pingInterval: settings.pingInterval ?? 25000,
  pingTimeout: settings.pingTimeout ?? 20000,
  transports: settings.transports ?? ["websocket"],
  maxHttpBufferSize: 1_000_000,
  perMessageDeflate: settings.deflate ? { threshold: 0 } : false,
});
io.engine.on("connection", (connection) => {
  state.connections += 1;
  connection.on("close", (reason) => state.left.push(reason));
  const extensions = connection.transport.socket?.extensions;
  state.extensions.push(Object.keys(extensions ?? {}));
});

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

const talk = {
  async say(socket, pieces, gap) {
    for (const [i, text] of pieces.entries()) {
      socket.emit("text_stream", { data: { text, isFinal: i === pieces.length - 1 } });
      if (gap) await pause(gap);
    }
  },
  async captcha(socket) {
    socket.emit("need_verify_captcha", {});
  },
  async replied(socket) {
    socket.emit("message_replied", { data: {} });
  },
  async kick(socket, how) {
    socket.emit("text_stream", { data: { text: "begun ", isFinal: false } });
    await pause(0.1);
    if (how === "namespace") socket.disconnect();
    else if (how === "connection") socket.disconnect(true);
    else socket.conn.transport.socket.terminate();
  },
  async bytes(socket, pieces) {
    socket.emit("picture", Buffer.from([0, 1, 255]), { inner: Buffer.from("42/chat,[") });
    await talk.say(socket, pieces);
  },
  async ack(socket, pieces) {
    socket.emit("are_you_there", { a: 1 }, (...answer) => {
      state.acks.push(answer);
      talk.say(socket, pieces);
    });
  },
  async large(socket, length) {
    const text = "ü🦙".repeat(length);
    await talk.say(socket, [text, text]);
  },
  async silence() {},
};

const namespace = io.of("/chat");
namespace.use((socket, next) => next(settings.refuse ? new Error(settings.refuse) : undefined));
namespace.on("connection", (socket) => {
  state.auth.push(socket.handshake.auth);
  socket.on("text_chat", (question) => {
    state.questions.push(question);
    const [verb, ...rest] = JSON.parse(question.text);
    talk[verb](socket, ...rest);
  });
});
http.listen(port, "127.0.0.1");
