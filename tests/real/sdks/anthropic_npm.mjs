// The package @anthropic-ai/sdk from npm, as it comes out of the box.
import Anthropic from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { jsonSchemaOutputFormat } from "@anthropic-ai/sdk/helpers/json-schema";
import { BASE_URL, KEY, PNG, errorOf, run } from "./cases.mjs";

const client = new Anthropic({ baseURL: BASE_URL, apiKey: KEY });
const model = "claude-sonnet-4-5";
const user = (content) => ({ role: "user", content });
const create = (messages, fields) =>
  client.messages.create({ model, max_tokens: 2000, messages, ...fields });
const textOf = (message) =>
  message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
const tool = (name) => ({
  name,
  input_schema: { type: "object", properties: { city: { type: "string" } } },
});
const tools = [tool("get_weather"), tool("get_time")];

async function rounds(fields) {
  const messages = [user("get_weather and get_time, then get_weather of Paris")];
  const seen = [];
  for (let round = 0; round < 4; round++) {
    const message = await client.messages
      .stream({ model, max_tokens: 2000, messages, tools, ...fields })
      .finalMessage();
    const calls = message.content.filter((block) => block.type === "tool_use");
    seen.push(calls.map((call) => call.name));
    if (!calls.length) break;
    messages.push({ role: "assistant", content: message.content });
    messages.push(
      user(calls.map(({ id }) => ({ type: "tool_result", tool_use_id: id, content: "18 °C" }))),
    );
  }
  return seen;
}

await run({
  async plain() {
    const message = await create([user("Hello")], { system: "Be brief." });
    return [textOf(message), message.stop_reason];
  },
  async streaming() {
    const stream = client.messages.stream({ model, max_tokens: 2000, messages: [user("Hello")] });
    return await stream.finalText();
  },
  tools_in_rounds: () => rounds({}),
  tools_with_thinking: () => rounds({ thinking: { type: "enabled", budget_tokens: 1024 } }),
  async tool_choice() {
    const message = await create([user("Paris")], {
      tools, tool_choice: { type: "tool", name: "get_time" },
    });
    return message.content.map((block) => block.name);
  },
  async tool_runner() {
    const getWeather = betaTool({
      name: "get_weather",
      inputSchema: tool("get_weather").input_schema,
      run: ({ city }) => `18 °C in ${city}`,
    });
    const message = await client.beta.messages.toolRunner({
      model, max_tokens: 2000, messages: [user("Paris")], tools: [getWeather],
    });
    return textOf(message);
  },
  async parse() {
    const format = jsonSchemaOutputFormat({
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer" } },
      required: ["city", "days"],
      additionalProperties: false,
    });
    const message = await client.messages.parse({
      model, max_tokens: 2000, messages: [user("Paris")], output_config: { format },
    });
    return message.parsed_output;
  },
  async image() {
    const source = { type: "base64", media_type: "image/png", data: PNG };
    return textOf(await create([user([{ type: "image", source }, { type: "text", text: "What?" }])]));
  },
  async errors() {
    const wrong = new Anthropic({ baseURL: BASE_URL, apiKey: "wrong-key", maxRetries: 0 });
    return [
      await errorOf(() => wrong.models.list()),
      await errorOf(() => create([user("Hello")], { model: "no-such-model" })),
      await errorOf(() => create([])),
      await errorOf(() => create([user("Hello")], { no_such_field: 1 })),
    ];
  },
  async models() {
    const listed = [];
    for await (const each of client.models.list()) listed.push(each.id);
    return [listed.includes(model), (await client.models.retrieve(model)).id];
  },
  async count_tokens() {
    const counted = await client.messages.countTokens({ model, messages: [user("Hello there")] });
    return counted.input_tokens;
  },
});
