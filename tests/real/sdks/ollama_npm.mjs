// The package ollama from npm, as it comes out of the box.
import { Ollama } from "ollama";
import { BASE_URL, PNG, errorOf, run } from "./cases.mjs";

const client = new Ollama({ host: BASE_URL });
const model = "llama3.2";
const user = (content) => ({ role: "user", content });
const tools = [
  {
    type: "function",
    function: {
      name: "get_weather",
      parameters: { type: "object", properties: { city: { type: ["string", "null"] } } },
    },
  },
];

await run({
  async plain() {
    return (await client.chat({ model, messages: [user("Hello")] })).message.content;
  },
  async streaming() {
    let text = "";
    for await (const part of await client.chat({ model, messages: [user("Hello")], stream: true }))
      text += part.message.content;
    return text;
  },
  async thinking() {
    const { message } = await client.chat({ model, messages: [user("Hello")], think: true });
    return [message.thinking, message.content];
  },
  async tools() {
    const messages = [user("Paris")];
    const { message } = await client.chat({ model, messages, tools });
    messages.push(message);
    for (const call of message.tool_calls)
      messages.push({ role: "tool", tool_name: call.function.name, content: "18 °C" });
    return (await client.chat({ model, messages, tools })).message.content;
  },
  async structured() {
    const format = { type: "object", properties: { city: { type: "string" } } };
    return JSON.parse((await client.chat({ model, messages: [user("Paris")], format })).message.content);
  },
  async image() {
    const message = { role: "user", content: "What?", images: [PNG] };
    return (await client.chat({ model, messages: [message] })).message.content;
  },
  async generate() {
    return (await client.generate({ model, prompt: "Hello" })).response;
  },
  async errors() {
    return [
      await errorOf(() => client.chat({ model: "no-such-model", messages: [user("Hello")] })),
      await errorOf(() => client.chat({ model, messages: [{ role: "robot", content: "Hello" }] })),
    ];
  },
  async models() {
    const { models } = await client.list();
    const running = await client.ps();
    const shown = await client.show({ model });
    return [models.length, running.models.map((each) => each.name), shown.capabilities];
  },
  async version_and_embed() {
    const { version } = await client.version();
    const { embeddings } = await client.embed({ model, input: "Hello" });
    return [version, embeddings[0].length];
  },
});
